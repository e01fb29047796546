import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.NoOffsetForPartitionException;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * Follows the change log in Kafka, and keeps the rankings as they are now in a file.
 *
 * <p>1. A commit is a transaction: what is read is committed, so nothing that was given up is ever shown. 2. A message's
 * key names its row, and its value is the row's new state: an upsert replaces it, a delete takes it away. 3. Offsets lie
 * with the rows: after a crash some messages are read again, and change nothing.
 */
public final class Follow {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final ObjectNode offsets;
  private final ObjectNode rows;

  private Follow(Path file) throws IOException {
    this.file = file;
    JsonNode known = Files.exists(file) ? JSON.readTree(file.toFile()) : JSON.createObjectNode();
    offsets = known.withObject("/offsets");
    rows = known.withObject("/rows");
  }

  private void take(ConsumerRecord<String, String> message) throws IOException {
    // A delete may also be written without a value: --kafka-tombstones.
    JsonNode change = message.value() == null ? null : JSON.readTree(message.value());
    if (change != null && change.path("op").asText().equals("upsert")) {
      rows.set(message.key(), change);
    } else {
      rows.remove(message.key());
    }
    offsets.put(Integer.toString(message.partition()), message.offset() + 1);
  }

  /** All or nothing: a crash leaves the file as it was. */
  private void save() throws IOException {
    Path next = file.resolveSibling(file.getFileName() + ".next");
    ObjectNode all = JSON.createObjectNode();
    all.set("offsets", offsets);
    all.set("rows", rows);
    JSON.writeValue(next.toFile(), all);
    Files.move(next, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    System.out.println(rows.size() + " rows");
  }

  private void follow(String brokers, String topic) throws IOException {
    Map<String, Object> settings =
        Map.of(
            "bootstrap.servers", brokers,
            "isolation.level", "read_committed",
            // Where to go on is in the file, and records that are gone are not passed over in silence.
            "enable.auto.commit", "false",
            "auto.offset.reset", "none");
    StringDeserializer text = new StringDeserializer();
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings, text, text)) {
      List<TopicPartition> partitions =
          consumer.partitionsFor(topic).stream()
              .map(p -> new TopicPartition(topic, p.partition()))
              .toList();
      consumer.assign(partitions);
      for (TopicPartition partition : partitions) {
        JsonNode next = offsets.get(Integer.toString(partition.partition()));
        if (next == null) {
          consumer.seekToBeginning(List.of(partition));
        } else {
          consumer.seek(partition, next.asLong());
        }
      }
      while (true) {
        var messages = consumer.poll(Duration.ofSeconds(1));
        for (ConsumerRecord<String, String> message : messages) {
          take(message);
        }
        if (!messages.isEmpty()) {
          save();
        }
      }
    }
  }

  public static void main(String[] args) throws IOException {
    if (args.length != 3) {
      System.err.println("Follow BROKERS TOPIC FILE, such as: Follow localhost:9092 changes rankings.json");
      System.exit(2);
    }
    try {
      new Follow(Path.of(args[2])).follow(args[0], args[1]);
    } catch (OffsetOutOfRangeException | NoOffsetForPartitionException gone) {
      System.err.println(args[1] + " no longer has what comes next: remove " + args[2]);
      System.exit(1);
    }
  }
}
