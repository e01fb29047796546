import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.flink.runtime.util.EnvironmentInformation;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** The statements of files as one job: what is created first, then all INSERTs together. */
public class Job {
    static final String HELP = """
            bench/peers/flink/job FILE... [--out RESULTS] [--workers N] [--explain]

            Runs the statements of the files in streaming mode, on a mini cluster in this process: SET and CREATE at once,
            all INSERT INTO as one job, to its end. Prints one line of JSON, as in
              {"peer":"flink","version":"2.3.0","workers":1,"seconds":3.141,"output_rows":1000}
            Statements end with a semicolon at the end of a line. A sink is a table with 'connector' = 'keeping', any columns
            and a primary key: it counts the rows that come.

            --out RESULTS  the last row of each key of sinks with 'keep' = 'true', lines of JSON
                           {"table":"best","row":["2026-01-23T00:00:00",…]}
            --workers N    parallelism, 1 by default
            --explain      print the plan of the job on stderr

            PEER_JAVA_OPTIONS replaces the options of the JVM (-Xmx4g -XX:+UseParallelGC).
            """;

    static void usage(String why) {
        System.err.println("flink: " + why + " (--help says how)");
        System.exit(2);
    }

    public static void main(String[] args) {
        List<Path> files = new ArrayList<>();
        String out = null;
        int workers = 1;
        boolean explain = false;
        for (int i = 0; i < args.length; i++) {
            switch (args[i]) {
                case "--help", "-h" -> {
                    System.out.print(HELP);
                    return;
                }
                case "--explain" -> explain = true;
                case "--out", "--workers" -> {
                    String name = args[i];
                    if (++i == args.length) {
                        usage(name + " needs a value");
                    }
                    if (name.equals("--out")) {
                        out = args[i];
                    } else if (args[i].matches("[1-9][0-9]{0,3}")) {
                        workers = Integer.parseInt(args[i]);
                    } else {
                        usage("--workers is a number from 1, not " + args[i]);
                    }
                }
                default -> {
                    if (args[i].startsWith("-")) {
                        usage("unknown option " + args[i]);
                    }
                    files.add(Path.of(args[i]));
                }
            }
        }
        if (files.isEmpty()) {
            usage("a file of statements is needed");
        }
        try {
            run(files, out == null ? null : Path.of(out), workers, explain);
        } catch (Throwable e) {
            e.printStackTrace();
            System.err.println("flink: failed: " + Json.cause(e));
            System.exit(1);
        }
        System.exit(0);
    }

    static void run(List<Path> files, Path out, int workers, boolean explain) throws Exception {
        var conf = Cluster.configuration(workers, 256);
        StreamExecutionEnvironment env = StreamExecutionEnvironment.getExecutionEnvironment(conf);
        env.setParallelism(workers);
        var tables = StreamTableEnvironment.create(env, EnvironmentSettings.newInstance().inStreamingMode().build());
        tables.getConfig().set("table.local-time-zone", "UTC");
        var job = tables.createStatementSet();
        for (Path file : files) {
            for (String statement : Script.statements(Files.readString(file))) {
                var set = Script.SET.matcher(statement);
                if (set.matches()) {
                    tables.getConfig().set(set.group(1), set.group(2));
                } else if (statement.strip().startsWith("INSERT INTO")) {
                    job.addInsertSql(statement);
                } else {
                    tables.executeSql(statement);
                }
            }
        }
        if (explain) {
            System.err.println(job.explain());
        }
        job.attachAsDataStream();
        var stream = env.getStreamGraph();
        stream.setJobName("job");
        double seconds = Cluster.run(conf, workers, stream.getJobGraph());
        long written = KeepingSinkFactory.CLOSED.stream().mapToLong(writer -> writer.written).sum();
        if (out != null) {
            write(out);
        }
        System.out.printf(
                Locale.ROOT,
                "{\"peer\":\"flink\",\"version\":\"%s\",\"workers\":%d,\"seconds\":%.3f,\"output_rows\":%d}%n",
                EnvironmentInformation.getVersion(), workers, seconds, written);
    }

    static void write(Path out) throws Exception {
        try (var results = new PrintWriter(Files.newBufferedWriter(out, StandardCharsets.UTF_8))) {
            for (var writer : KeepingSinkFactory.CLOSED) {
                for (var row : writer.rows.values()) {
                    StringBuilder line = new StringBuilder();
                    for (int i = 0; i < row.getArity(); i++) {
                        line.append(i == 0 ? "" : ",").append(Json.value(row.getField(i)));
                    }
                    results.println("{\"table\":" + Json.text(writer.of.name()) + ",\"row\":[" + line + "]}");
                }
            }
        }
    }
}
