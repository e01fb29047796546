import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.types.Row;

/** Runs the statements of files as they are, and writes the rows of each SELECT as lines of JSON. */
public class Script {
    static final String HELP = """
            bench/peers/flink/java Script [--batch] FILE...

            Runs the statements of the files, one after the other, and prints a line of JSON for each row of a SELECT:
              {"statement":2,"kind":"+I","row":["2026-01-23T00:00:00","Lisbon",…]}
            A statement that fails is {"statement":2,"failed":"why"}, and the next one is run. The mode is streaming
            unless --batch is given. Statements end with a semicolon at the end of a line.
            """;

    public static void main(String[] args) throws Exception {
        List<String> files = new ArrayList<>(List.of(args));
        boolean batch = files.remove("--batch");
        if (files.isEmpty() || files.get(0).startsWith("-")) {
            System.out.print(HELP);
            System.exit(files.contains("--help") || files.contains("-h") ? 0 : 2);
        }
        var settings = EnvironmentSettings.newInstance();
        var tables = TableEnvironment.create((batch ? settings.inBatchMode() : settings.inStreamingMode()).build());
        tables.getConfig().set("parallelism.default", "1");
        int number = 0;
        for (String file : files) {
            for (String statement : statements(Files.readString(Path.of(file)))) {
                try {
                    run(tables, number, statement);
                } catch (Throwable e) {
                    System.out.println("{\"statement\":" + number + ",\"failed\":" + Json.cause(e) + "}");
                }
                number++;
            }
        }
        System.exit(0);
    }

    static List<String> statements(String text) {
        List<String> all = new ArrayList<>();
        for (String statement : text.split(";\\s*(\\n|$)")) {
            if (!statement.isBlank()) {
                all.add(statement);
            }
        }
        return all;
    }

    /** SET 'key' = 'value', which only Flink's own SQL client knows. */
    static final Pattern SET = Pattern.compile("\\s*SET\\s+'([^']*)'\\s*=\\s*'([^']*)'\\s*");

    static void run(TableEnvironment tables, int number, String statement) throws Exception {
        Matcher set = SET.matcher(statement);
        if (set.matches()) {
            tables.getConfig().set(set.group(1), set.group(2));
            return;
        }
        try (var rows = tables.executeSql(statement).collect()) {
            boolean select = statement.lines().map(String::strip).anyMatch(l -> l.startsWith("SELECT") || l.startsWith("WITH "));
            while (select && rows.hasNext()) {
                Row row = rows.next();
                StringBuilder line = new StringBuilder();
                for (int i = 0; i < row.getArity(); i++) {
                    line.append(i == 0 ? "" : ",").append(Json.value(row.getField(i)));
                }
                System.out.println("{\"statement\":" + number + ",\"kind\":\"" + row.getKind().shortString() + "\",\"row\":["
                        + line + "]}");
            }
        }
    }
}
