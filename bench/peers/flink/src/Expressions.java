import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;

/** What expressions come to for each row of a table: many in one job, those that end a job left out of it. */
public class Expressions {
    static final String HELP = """
            bench/peers/flink/java Expressions TABLE.sql EXPRESSIONS

            TABLE.sql declares a table r with a column `number`, from 0; EXPRESSIONS has one a line. Prints for each
            line, in order, what it comes to for the rows 0, 1, ...:
              {"n":0,"type":"DECIMAL(10, 2)","values":["1.50",null]}
              {"n":1,"refused":"why"}          Flink does not take it
              {"n":2,"failed":"why"}           it ends the job
            """;
    /** As many as one generated class holds well. */
    static final int TOGETHER = 40;

    record One(int n, String sql, String type) {}

    public static void main(String[] args) throws Exception {
        if (args.length != 2) {
            System.out.print(HELP);
            System.exit(2);
        }
        var tables = TableEnvironment.create(EnvironmentSettings.newInstance().inBatchMode().build());
        tables.getConfig().set("parallelism.default", "1");
        tables.getConfig().set("table.local-time-zone", "UTC");
        for (String statement : Script.statements(Files.readString(Path.of(args[0])))) {
            tables.executeSql(statement);
        }
        List<One> taken = new ArrayList<>();
        Map<Integer, String> lines = new TreeMap<>();
        int n = 0;
        for (String sql : Files.readAllLines(Path.of(args[1]))) {
            try {
                var column = tables.sqlQuery("SELECT " + sql + " FROM r").getResolvedSchema().getColumnDataTypes().get(0);
                taken.add(new One(n, sql, column.getLogicalType().copy(true).asSummaryString()));
            } catch (Throwable e) {
                lines.put(n, "\"refused\":" + Json.cause(e));
            }
            n++;
        }
        for (int from = 0; from < taken.size(); from += TOGETHER) {
            run(tables, taken.subList(from, Math.min(taken.size(), from + TOGETHER)), lines);
        }
        lines.forEach((line, said) -> System.out.println("{\"n\":" + line + "," + said + "}"));
        System.exit(0);
    }

    static void run(TableEnvironment tables, List<One> some, Map<Integer, String> lines) {
        StringBuilder sql = new StringBuilder("SELECT number");
        some.forEach(one -> sql.append(", ").append(one.sql));
        Map<Integer, Row> rows = new TreeMap<>();
        try (var result = tables.executeSql(sql + " FROM r").collect()) {
            result.forEachRemaining(row -> rows.put((Integer) row.getField(0), row));
        } catch (Throwable e) {
            if (some.size() == 1) {
                lines.put(some.get(0).n, "\"failed\":" + Json.cause(e));
                return;
            }
            int half = some.size() / 2;
            run(tables, some.subList(0, half), lines);
            run(tables, some.subList(half, some.size()), lines);
            return;
        }
        for (int i = 0; i < some.size(); i++) {
            StringBuilder values = new StringBuilder();
            for (Row row : rows.values()) {
                values.append(values.isEmpty() ? "" : ",").append(Json.value(row.getField(i + 1)));
            }
            One one = some.get(i);
            lines.put(one.n, "\"type\":" + Json.text(one.type) + ",\"values\":[" + values + "]");
        }
    }
}
