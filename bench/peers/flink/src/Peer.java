import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.TableDescriptor;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** Both rankings of bench/queries as one Flink SQL job on a mini cluster in this process. */
public class Peer {
    static final String HELP = """
            bench/peers/flink/run --sales FILE --form FORM --out RESULTS [--workers N] [--explain]

            Runs both rankings of bench/queries as one Flink SQL job over the whole file, in a mini cluster in this
            process, writes the final rankings to RESULTS and prints one line of JSON.

            Forms:
              window                Window Top-N, bench/queries/*.sql as they are: results when an hour closes
              continuous            ranks as sales arrive: group aggregation and Top-N, every change is sent on
              continuous-minibatch  the same with mini-batches of 100 ms or 10,000 rows and two-phase aggregation

            Also -growing and -unranked in this order after "continuous", as in continuous-growing-unranked-minibatch:
              growing   leaves out amounts below 0, by which Flink knows that totals only grow and picks a faster Top-N
                        (another query: refunds would be lost; the generated sales have none)
              unranked  rows without their rank, so that a row that only moves is not sent again; the ranks in RESULTS
                        are derived from the totals at the end

            --workers N   parallelism, 1 by default
            --explain     print the plan of the job on stderr

            PEER_JAVA_OPTIONS replaces the options of the JVM (-Xmx4g -XX:+UseParallelGC).

            Example:
              bench/peers/flink/run --sales sales.ndjson --form window --out results.txt --workers 2
            """;
    static final List<String> FORMS = List.of(
            "window",
            "continuous",
            "continuous-minibatch",
            "continuous-growing",
            "continuous-growing-minibatch",
            "continuous-unranked",
            "continuous-unranked-minibatch",
            "continuous-growing-unranked",
            "continuous-growing-unranked-minibatch");
    static final List<String> RANKINGS = List.of("top_sales_per_city", "top_salesmen");

    static void usage(String why) {
        System.err.println("flink: " + why + " (--help says how)");
        System.exit(2);
    }

    public static void main(String[] args) {
        String sales = null, form = null, out = null;
        int workers = 1;
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
        try {
            run(Path.of(sales).toAbsolutePath(), form, Path.of(out), workers, explain);
        } catch (Throwable e) {
            e.printStackTrace();
            Throwable root = e;
            while (root.getCause() != null) {
                root = root.getCause();
            }
            System.err.println("flink: failed: " + root);
            System.exit(1);
        }
        System.exit(0);
    }

    static String changed(String sql, String from, String to) {
        if (!sql.contains(from)) {
            throw new IllegalStateException("no '" + from + "' in: " + sql);
        }
        return sql.replace(from, to);
    }

    static void run(Path sales, String form, Path out, int workers, boolean explain) throws Exception {
        boolean window = form.equals("window");
        var conf = Cluster.configuration(workers, 256);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(conf);
        env.setParallelism(workers);
        StreamTableEnvironment tables =
                StreamTableEnvironment.create(env, EnvironmentSettings.newInstance().inStreamingMode().build());
        tables.getConfig().set("table.local-time-zone", "UTC");
        if (form.endsWith("-minibatch")) {
            tables.getConfig().set("table.exec.mini-batch.enabled", "true");
            tables.getConfig().set("table.exec.mini-batch.allow-latency", "100 ms");
            tables.getConfig().set("table.exec.mini-batch.size", "10000");
            tables.getConfig().set("table.optimizer.agg-phase-strategy", "TWO_PHASE");
        }
        tables.executeSql(
                "CREATE TABLE sales (event_time TIMESTAMP_LTZ(3) NOT NULL, city STRING NOT NULL, salesman_id STRING NOT NULL,"
                        + " salesman_name STRING, amount DECIMAL(12, 2),"
                        + " WATERMARK FOR event_time AS event_time - INTERVAL '1' MINUTE)"
                        + " WITH ('connector' = 'filesystem', 'path' = 'file://" + sales.toString().replace("'", "''")
                        + "', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601')");
        Path home = Path.of(System.getenv("PEER_FLINK_HOME"));
        Path queries = window ? home.resolve("../../queries") : home.resolve("continuous");
        var statements = tables.createStatementSet();
        for (String ranking : RANKINGS) {
            String sql = Files.readString(queries.resolve(ranking + ".sql")).strip();
            sql = sql.endsWith(";") ? sql.substring(0, sql.length() - 1) : sql;
            if (form.contains("-growing")) {
                sql = changed(sql, "FROM sales)", "FROM sales WHERE amount >= 0)");
            }
            if (form.contains("-unranked")) {
                sql = changed(sql, ", rownum\n", "\n");
            }
            var table = tables.sqlQuery(sql);
            List<String> place = form.contains("-unranked")
                    ? List.of("window_start", ranking.equals("top_salesmen") ? "salesman_id" : "city")
                    : List.of("window_start", "rownum");
            var schema = Schema.newBuilder();
            for (var column : table.getResolvedSchema().getColumns()) {
                boolean key = place.contains(column.getName());
                schema.column(column.getName(), key ? column.getDataType().notNull() : column.getDataType());
            }
            schema.primaryKey(place);
            statements.addInsert(
                    TableDescriptor.forConnector("counting").option("ranking", ranking).schema(schema.build()).build(),
                    table);
        }
        if (explain) {
            System.err.println(statements.explain());
        }
        statements.attachAsDataStream();
        var stream = env.getStreamGraph();
        stream.setJobName("rankings");
        double seconds = Cluster.run(conf, workers, stream.getJobGraph());

        long written = 0;
        try (var results = new PrintWriter(Files.newBufferedWriter(out, StandardCharsets.UTF_8))) {
            for (String ranking : RANKINGS) {
                Map<Long, List<CountingSinkFactory.Shown>> windows = new TreeMap<>();
                for (var writer : CountingSinkFactory.CLOSED) {
                    if (writer.ranking.equals(ranking)) {
                        written += writer.written;
                        writer.rows.forEach((place, row) ->
                                windows.computeIfAbsent(place.window(), w -> new ArrayList<>()).add(row));
                    }
                }
                windows.forEach((start, rows) -> {
                    // A row without a rank has rank 0: then the totals give the order, else the ranks that Flink gave.
                    rows.sort(Comparator.comparingLong(CountingSinkFactory.Shown::rank)
                            .thenComparing(row -> row.total(), Comparator.reverseOrder())
                            .thenComparing(row -> row.key()));
                    for (int i = 0; i < rows.size(); i++) {
                        var row = rows.get(i);
                        long rank = row.rank() == 0 ? i + 1 : row.rank();
                        results.println(ranking + " " + start + " " + rank + " " + row.key() + " "
                                + row.total().toPlainString() + " " + row.count() + " " + row.last());
                    }
                });
            }
        }
        long lines;
        try (var all = Files.newInputStream(sales)) {
            lines = 0;
            byte[] buffer = new byte[1 << 20];
            for (int n; (n = all.read(buffer)) > 0; ) {
                for (int i = 0; i < n; i++) {
                    if (buffer[i] == '\n') {
                        lines++;
                    }
                }
            }
        }
        System.out.printf(
                Locale.ROOT,
                "{\"peer\":\"flink\",\"version\":\"%s\",\"form\":\"%s\",\"workers\":%d,\"sales\":%d,\"seconds\":%.3f,\"output_rows\":%d}%n",
                EnvironmentInformation.getVersion(), form, workers, lines, seconds, written);
    }
}
