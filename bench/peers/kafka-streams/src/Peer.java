import java.io.BufferedReader;
import java.io.PrintWriter;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.AppInfoParser;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

/** Both rankings of bench/queries as one Kafka Streams application over a real broker. */
public class Peer {
    static final String HELP = """
            KAFKA_BROKERS=HOST:PORT bench/peers/kafka-streams/run --sales FILE --form FORM --out RESULTS [--workers N]

            Loads the file into a topic (not timed), runs both rankings as one Kafka Streams application until all of
            it is consumed, writes the final rankings to RESULTS and prints one line of JSON. Its topics and its group
            are removed at the end.

            Forms:
              continuous  ranks as sales arrive: no record cache, every change is sent on
              cached      the same with a record cache of 256 MiB that is flushed every 100 ms

            --workers N   partitions of every topic and stream threads, 1 by default

            PEER_JAVA_OPTIONS replaces the options of the JVM (-Xmx4g -XX:+UseParallelGC).

            Example:
              KAFKA_BROKERS=127.0.0.1:9092 bench/peers/kafka-streams/run --sales sales.ndjson --form cached --out results.txt
            """;
    static final List<String> FORMS = List.of("continuous", "cached");
    static final Duration HOUR = Duration.ofHours(1);
    /** Windows are kept this long: with two partitions one may be read far ahead of the other. */
    static final Duration GRACE = Duration.ofHours(24);
    static final Duration STALLED = Duration.ofMinutes(2);

    static void usage(String why) {
        System.err.println("kafka-streams: " + why + " (--help says how)");
        System.exit(2);
    }

    public static void main(String[] args) {
        String sales = null, form = null, out = null, brokers = System.getenv("KAFKA_BROKERS");
        int workers = 1;
        for (int i = 0; i < args.length; i++) {
            String name = args[i];
            if (name.equals("--help") || name.equals("-h")) {
                System.out.print(HELP);
                return;
            }
            if (!List.of("--sales", "--form", "--out", "--workers").contains(name)) {
                usage("unknown option " + name);
            }
            if (++i == args.length) {
                usage(name + " needs a value");
            }
            switch (name) {
                case "--sales" -> sales = args[i];
                case "--form" -> form = args[i];
                case "--out" -> out = args[i];
                default -> {
                    try {
                        workers = Integer.parseInt(args[i]);
                    } catch (NumberFormatException e) {
                        workers = 0;
                    }
                    if (workers < 1) {
                        usage("--workers is a number from 1, not " + args[i]);
                    }
                }
            }
        }
        if (sales == null || form == null || out == null) {
            usage("--sales, --form and --out are needed");
        }
        if (!FORMS.contains(form)) {
            usage("no form " + form + ": there are " + String.join(", ", FORMS));
        }
        if (!Files.isReadable(Path.of(sales))) {
            usage("cannot read " + sales);
        }
        if (brokers == null || brokers.isBlank()) {
            usage("KAFKA_BROKERS names no broker");
        }
        try {
            run(brokers, Path.of(sales), form, Path.of(out), workers);
        } catch (Throwable e) {
            e.printStackTrace();
            Throwable root = e;
            while (root.getCause() != null) {
                root = root.getCause();
            }
            System.err.println("kafka-streams: failed: " + root);
            System.exit(1);
        }
        System.exit(0);
    }

    /** What came out of the rankings, and when the first sale was read and the last row came. */
    static final Map<String, Map<Long, Values.Top>> RESULTS = new ConcurrentHashMap<>();
    static final AtomicLong WRITTEN = new AtomicLong();
    static final AtomicLong BEGAN = new AtomicLong();
    static volatile long ended;

    static long load(String brokers, Path sales, String topic, int partitions) throws Exception {
        var settings = new Properties();
        settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        settings.put(ProducerConfig.ACKS_CONFIG, "1");
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, "false");
        // In order, though not idempotent.
        settings.put(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION, "1");
        settings.put(ProducerConfig.LINGER_MS_CONFIG, "20");
        settings.put(ProducerConfig.BATCH_SIZE_CONFIG, String.valueOf(512 << 10));
        var failed = new AtomicReference<Exception>();
        long n = 0;
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
                BufferedReader lines = Files.newBufferedReader(sales, StandardCharsets.UTF_8)) {
            for (String line; (line = lines.readLine()) != null; n++) {
                var record = new ProducerRecord<byte[], byte[]>(
                        topic, (int) (n % partitions), null, line.getBytes(StandardCharsets.UTF_8));
                producer.send(record, (done, error) -> {
                    if (error != null) {
                        failed.compareAndSet(null, error);
                    }
                });
            }
            producer.flush();
        }
        if (failed.get() != null) {
            throw failed.get();
        }
        return n;
    }

    static <V> Materialized<String, V, WindowStore<Bytes, byte[]>> windows(
            String name, Serde<V> serde) {
        return Materialized.<String, V>as(Stores.inMemoryWindowStore(name, HOUR.plus(GRACE), HOUR, false))
                .withKeySerde(Serdes.String())
                .withValueSerde(serde)
                .withLoggingDisabled();
    }

    static void rank(String ranking, KTable<Windowed<String>, Values.Row> rows, int length) {
        rows.groupBy(
                        (key, row) -> KeyValue.pair(key.window().start(), row),
                        Grouped.with(ranking, Serdes.Long(), Values.ROW))
                .aggregate(
                        () -> new Values.Top(new ArrayList<>()),
                        (window, row, top) -> top.with(row, length),
                        (window, row, top) -> top.without(row.key()),
                        Materialized.<Long, Values.Top>as(Stores.inMemoryKeyValueStore(ranking + "-ranks"))
                                .withKeySerde(Serdes.Long())
                                .withValueSerde(Values.TOP)
                                .withLoggingDisabled())
                .toStream()
                .foreach((window, top) -> {
                    RESULTS.get(ranking).put(window, top);
                    WRITTEN.incrementAndGet();
                    ended = System.nanoTime();
                });
    }

    static StreamsBuilder topology(String topic) {
        var builder = new StreamsBuilder();
        var sales = builder.stream(
                topic,
                Consumed.with(Serdes.ByteArray(), Values.SALE).withTimestampExtractor((record, partition) -> {
                    if (BEGAN.get() == 0) {
                        BEGAN.compareAndSet(0, System.nanoTime());
                    }
                    return ((Values.Sale) record.value()).at();
                }));
        var hours = TimeWindows.ofSizeAndGrace(HOUR, GRACE);
        var cities = sales.map((none, sale) -> KeyValue.pair(sale.city(), sale.amount()))
                .groupByKey(Grouped.with("cities", Serdes.String(), Serdes.Long()))
                .windowedBy(hours)
                .aggregate(
                        () -> new Values.City(0, 0, Long.MIN_VALUE),
                        (key, amount, city) -> new Values.City(
                                city.total() + amount, city.count() + 1, Math.max(city.max(), amount)),
                        windows("cities-of-hour", Values.CITY));
        var salesmen = sales.map((none, sale) -> KeyValue.pair(
                        sale.salesmanId(), new Values.Deal(sale.salesmanName(), sale.city(), sale.amount())))
                .groupByKey(Grouped.with("salesmen", Serdes.String(), Values.DEAL))
                .windowedBy(hours)
                .aggregate(
                        () -> new Values.Salesman("", 0, 0, new HashSet<>()),
                        (key, deal, salesman) -> {
                            salesman.cities().add(deal.city());
                            return new Values.Salesman(
                                    deal.salesmanName(), salesman.total() + deal.amount(), salesman.count() + 1, salesman.cities());
                        },
                        windows("salesmen-of-hour", Values.SALESMAN));
        rank("top_sales_per_city",
                cities.mapValues((key, city) -> new Values.Row(key.key(), city.total(), city.count(), city.max())), 10);
        rank("top_salesmen",
                salesmen.mapValues((key, salesman) -> new Values.Row(
                        key.key(), salesman.total(), salesman.count(), salesman.cities().size())),
                100);
        return builder;
    }

    /** The offsets of the application's topics: what its group has committed, and where they end. */
    static boolean consumed(Admin admin, String application, StringBuilder progress) throws Exception {
        Map<TopicPartition, Long> committed = new HashMap<>();
        admin.listConsumerGroupOffsets(application).partitionsToOffsetAndMetadata().get()
                .forEach((partition, offset) -> committed.put(partition, offset == null ? 0 : offset.offset()));
        // In this order: what was committed then has sent on all that follows from it before.
        Set<String> topics = admin.listTopics().names().get().stream()
                .filter(name -> name.startsWith(application)).collect(Collectors.toSet());
        Map<TopicPartition, OffsetSpec> ask = new HashMap<>();
        admin.describeTopics(topics).allTopicNames().get().forEach((name, about) ->
                about.partitions().forEach(p -> ask.put(new TopicPartition(name, p.partition()), OffsetSpec.latest())));
        boolean all = true;
        for (var end : admin.listOffsets(ask).all().get().entrySet()) {
            long at = committed.getOrDefault(end.getKey(), 0L);
            progress.append(at).append(' ');
            all &= at >= end.getValue().offset();
        }
        return all && !committed.isEmpty();
    }

    static void run(String brokers, Path sales, String form, Path out, int workers) throws Exception {
        String application = "standings-peer-" + ProcessHandle.current().pid() + "-" + System.currentTimeMillis();
        String topic = application + "-sales";
        Path state = Files.createTempDirectory("standings-peer-");
        var settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, application);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, workers);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, form.equals("cached") ? 256L << 20 : 0L);
        settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, form.equals("cached") ? 100L : 1000L);
        settings.put(StreamsConfig.TOPOLOGY_OPTIMIZATION_CONFIG, StreamsConfig.OPTIMIZE);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 10_000);
        settings.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 8 << 20);
        settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 20_000);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.ACKS_CONFIG), "1");
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG), false);
        settings.put(StreamsConfig.producerPrefix(ProducerConfig.MAX_IN_FLIGHT_REQUESTS_PER_CONNECTION), 1);
        RESULTS.put("top_sales_per_city", new ConcurrentHashMap<>());
        RESULTS.put("top_salesmen", new ConcurrentHashMap<>());

        var connection = new Properties();
        connection.put("bootstrap.servers", brokers);
        connection.put("default.api.timeout.ms", "20000");
        connection.put("request.timeout.ms", "10000");
        long read;
        try (Admin admin = Admin.create(connection)) {
            admin.createTopics(List.of(new NewTopic(topic, Optional.of(workers), Optional.empty()))).all().get();
            try {
                read = load(brokers, sales, topic, workers);
                var failed = new AtomicReference<Throwable>();
                var streams = new KafkaStreams(topology(topic).build(settings), settings);
                streams.setUncaughtExceptionHandler(e -> {
                    failed.compareAndSet(null, e);
                    return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
                });
                try {
                    streams.start();
                    String before = "";
                    long moved = System.nanoTime();
                    while (true) {
                        Thread.sleep(500);
                        if (failed.get() != null) {
                            throw new RuntimeException(failed.get());
                        }
                        var progress = new StringBuilder();
                        if (BEGAN.get() != 0 && consumed(admin, application, progress)) {
                            break;
                        }
                        if (!progress.toString().equals(before)) {
                            before = progress.toString();
                            moved = System.nanoTime();
                        } else if (System.nanoTime() - moved > STALLED.toNanos()) {
                            throw new IllegalStateException("nothing moved for " + STALLED + ": " + streams.state());
                        }
                    }
                } finally {
                    streams.close(CloseOptions.timeout(Duration.ofSeconds(60))
                            .withGroupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP));
                    streams.cleanUp();
                }
            } finally {
                try {
                    Set<String> own = admin.listTopics().names().get().stream()
                            .filter(name -> name.startsWith(application)).collect(Collectors.toSet());
                    admin.deleteTopics(own).all().get();
                    admin.deleteConsumerGroups(List.of(application)).all().get();
                } catch (Exception e) {
                    System.err.println("kafka-streams: not all was removed from the broker: " + e.getMessage());
                }
            }
        } finally {
            try (var files = Files.walk(state)) {
                files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
            }
        }

        try (var results = new PrintWriter(Files.newBufferedWriter(out, StandardCharsets.UTF_8))) {
            for (String ranking : List.of("top_sales_per_city", "top_salesmen")) {
                new TreeMap<>(RESULTS.get(ranking)).forEach((start, top) -> {
                    int rank = 0;
                    for (var row : top.rows()) {
                        String last = ranking.equals("top_salesmen") ? String.valueOf(row.last()) : money(row.last());
                        results.println(ranking + " " + start + " " + ++rank + " " + row.key() + " " + money(row.total())
                                + " " + row.count() + " " + last);
                    }
                });
            }
        }
        System.out.printf(
                Locale.ROOT,
                "{\"peer\":\"kafka-streams\",\"version\":\"%s\",\"form\":\"%s\",\"workers\":%d,\"sales\":%d,\"seconds\":%.3f,\"output_rows\":%d}%n",
                AppInfoParser.getVersion(), form, workers, read, (ended - BEGAN.get()) / 1e9, WRITTEN.get());
    }

    static String money(long cents) {
        return BigDecimal.valueOf(cents, 2).toPlainString();
    }
}
