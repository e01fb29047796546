import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.ExecutionOptions;
import org.apache.flink.core.execution.CheckpointingMode;
import org.apache.flink.runtime.execution.ExecutionState;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** latency.sql from Kafka to Kafka, until it is told to stop: the Flink side of bench/latency. */
public class Latency {
    static final String HELP = """
            bench/peers/flink/latency --brokers LIST --topic SALES --changes TOPIC --form FORM [option...]

            Ranks the sales of one topic as they arrive (latency.sql, in a mini cluster in this process) and writes each
            change to another topic by upsert-kafka. Prints "ready" when every task runs; ends by SIGTERM.

            FORM is "flink" and then, in this order, any of
              -growing     WHERE amount >= 0, by which Flink knows that totals only grow (another query: no refunds)
              -unranked    rows without their rank, so that a row that only moves is not sent again
              -minibatch   mini-batches in the aggregation, see --mini-batch
              -exactly     exactly once: a transaction for each checkpoint. Without: at least once, no checkpoints

            --workers N                parallelism and task slots, 1 by default
            --buffer-timeout MS        network buffers are sent on at the latest after this; 1 by default (Flink: 100)
            --checkpoint-interval MS   for -exactly, 1000 by default
            --linger MS                Kafka's linger.ms of the sink, 2 by default (the client: 5)
            --mini-batch MS            for -minibatch, 5 by default
            --explain                  print the plan of the job on stderr

            PEER_JAVA_OPTIONS replaces the options of the JVM (-Xmx4g -XX:+UseParallelGC).

            Example:
              bench/peers/flink/latency --brokers 127.0.0.1:9092 --topic sales --changes changes --form flink-unranked
            """;
    static final Pattern FORM = Pattern.compile("flink(-growing)?(-unranked)?(-minibatch)?(-exactly)?");
    static final List<String> TEXTS = List.of("--brokers", "--topic", "--changes", "--form");
    static final Map<String, Integer> NUMBERS = Map.of(
            "--workers", 1, "--buffer-timeout", 1, "--checkpoint-interval", 1000, "--mini-batch", 5, "--linger", 2);

    static void usage(String message) {
        System.err.println("flink: " + message + " (--help says how)");
        System.exit(2);
    }

    public static void main(String[] args) {
        Map<String, String> texts = new TreeMap<>();
        Map<String, Integer> numbers = new TreeMap<>(NUMBERS);
        boolean explain = false;
        for (int i = 0; i < args.length; i++) {
            String name = args[i];
            if (name.equals("--help") || name.equals("-h")) {
                System.out.print(HELP);
                return;
            }
            if (name.equals("--explain")) {
                explain = true;
                continue;
            }
            if (!TEXTS.contains(name) && !NUMBERS.containsKey(name)) {
                usage("unknown option " + name);
            }
            if (++i == args.length) {
                usage(name + " needs a value");
            }
            if (TEXTS.contains(name)) {
                texts.put(name, args[i]);
                continue;
            }
            try {
                numbers.put(name, Integer.parseInt(args[i]));
            } catch (NumberFormatException e) {
                usage(name + " is a number, not " + args[i]);
            }
            // With 0 every record is sent on at once.
            boolean wait = name.equals("--buffer-timeout") || name.equals("--linger");
            if (numbers.get(name) < (wait ? 0 : 1)) {
                usage(name + " is too small: " + args[i]);
            }
        }
        for (String name : TEXTS) {
            if (!texts.containsKey(name)) {
                usage(name + " is needed");
            }
        }
        if (!FORM.matcher(texts.get("--form")).matches()) {
            usage("no form " + texts.get("--form"));
        }
        try {
            run(texts, numbers, explain);
        } catch (Throwable e) {
            e.printStackTrace();
            System.exit(1);
        }
        // The job has no end of its own.
        System.exit(1);
    }

    static void run(Map<String, String> texts, Map<String, Integer> numbers, boolean explain) throws Exception {
        String form = texts.get("--form");
        int workers = numbers.get("--workers");
        boolean exactly = form.endsWith("-exactly");
        boolean ranked = !form.contains("-unranked");

        var conf = Cluster.configuration(workers, 64);
        conf.set(ExecutionOptions.BUFFER_TIMEOUT, Duration.ofMillis(numbers.get("--buffer-timeout")));
        if (exactly) {
            conf.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, Duration.ofMillis(numbers.get("--checkpoint-interval")));
            conf.set(CheckpointingOptions.CHECKPOINTING_CONSISTENCY_MODE, CheckpointingMode.EXACTLY_ONCE);
        }

        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(conf);
        env.setParallelism(workers);
        StreamTableEnvironment tables =
                StreamTableEnvironment.create(env, EnvironmentSettings.newInstance().inStreamingMode().build());
        tables.getConfig().set("table.local-time-zone", "UTC");
        if (form.contains("-minibatch")) {
            tables.getConfig().set("table.exec.mini-batch.enabled", "true");
            tables.getConfig().set("table.exec.mini-batch.allow-latency", numbers.get("--mini-batch") + " ms");
            tables.getConfig().set("table.exec.mini-batch.size", "10000");
        }
        tables.createTemporaryTable(
                "sales",
                TableDescriptor.forConnector("kafka")
                        .option("properties.bootstrap.servers", texts.get("--brokers"))
                        .option("topic", texts.get("--topic"))
                        .option("scan.startup.mode", "earliest-offset")
                        .option("scan.topic-partition-discovery.interval", "0")
                        .option("properties.fetch.max.wait.ms", "10")
                        .option("properties.max.poll.records", "5000")
                        .option("value.format", "json")
                        .schema(Schema.newBuilder()
                                .column("sale_id", DataTypes.STRING().notNull())
                                .column("event_time", DataTypes.BIGINT().notNull())
                                .column("city", DataTypes.STRING().notNull())
                                .column("amount", DataTypes.DECIMAL(12, 2))
                                .build())
                        .build());

        String sql = Files.readString(Path.of(System.getenv("PEER_FLINK_HOME"), "latency.sql")).strip();
        if (form.contains("-growing")) {
            sql = Peer.changed(sql, "FROM sales)", "FROM sales WHERE amount >= 0)");
        }
        if (!ranked) {
            sql = Peer.changed(sql, ", rownum\n", "\n");
        }
        var table = tables.sqlQuery(sql);
        List<String> key = List.of("window_start", ranked ? "rownum" : "city");
        var schema = Schema.newBuilder();
        for (var column : table.getResolvedSchema().getColumns()) {
            boolean part = key.contains(column.getName());
            schema.column(column.getName(), part ? column.getDataType().notNull() : column.getDataType());
        }
        schema.primaryKey(key);
        var sink = TableDescriptor.forConnector("upsert-kafka")
                .option("properties.bootstrap.servers", texts.get("--brokers"))
                .option("topic", texts.get("--changes"))
                .option("key.format", "json")
                .option("value.format", "json")
                .option("value.json.timestamp-format.standard", "ISO-8601")
                .option("sink.delivery-guarantee", exactly ? "exactly-once" : "at-least-once")
                .option("properties.linger.ms", numbers.get("--linger").toString())
                // As in our own sink.
                .option("properties.compression.type", "lz4")
                .schema(schema.build());
        if (exactly) {
            sink.option("sink.transactional-id-prefix", "standings-latency-" + texts.get("--changes"));
            // The connector asks for an hour, of which a broker allows fifteen minutes.
            sink.option("properties.transaction.timeout.ms", "600000");
        }
        var statements = tables.createStatementSet();
        statements.addInsert(sink.build(), table);
        if (explain) {
            System.err.println(statements.explain());
        }
        statements.attachAsDataStream();
        var stream = env.getStreamGraph();
        stream.setJobName("latency");
        var graph = stream.getJobGraph();

        try (var cluster = new MiniCluster(new MiniClusterConfiguration.Builder()
                .setConfiguration(conf)
                .setNumTaskManagers(1)
                .setNumSlotsPerTaskManager(workers)
                .build())) {
            cluster.start();
            var id = cluster.submitJob(graph).get().getJobID();
            var result = cluster.requestJobResult(id);
            while (!result.isDone() && !running(cluster.getExecutionGraph(id).get())) {
                Thread.sleep(20);
            }
            if (!result.isDone()) {
                System.out.println("ready");
                System.out.flush();
            }
            var failure = result.get().getSerializedThrowable();
            if (failure.isPresent()) {
                throw new RuntimeException(failure.get().deserializeError(Latency.class.getClassLoader()));
            }
        }
    }

    static boolean running(org.apache.flink.runtime.executiongraph.AccessExecutionGraph graph) {
        boolean any = false;
        for (var vertex : graph.getAllExecutionVertices()) {
            any = true;
            if (vertex.getExecutionState() != ExecutionState.RUNNING) {
                return false;
            }
        }
        return any;
    }
}
