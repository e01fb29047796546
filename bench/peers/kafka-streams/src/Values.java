import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** What flows between the steps, each with a small binary form. Amounts are cents. */
final class Values {
    private Values() {}

    record Sale(long at, String city, String salesmanId, String salesmanName, long amount) {}

    record Deal(String salesmanName, String city, long amount) {}

    record City(long total, long count, long max) {}

    record Salesman(String name, long total, long count, Set<String> cities) {}

    /** One row of a ranking; `last` is the highest sale or the number of cities. */
    record Row(String key, long total, long count, long last) {}

    /** The highest rows of one hour, in order. */
    record Top(List<Row> rows) {
        Top without(String key) {
            for (int i = 0; i < rows.size(); i++) {
                if (rows.get(i).key.equals(key)) {
                    rows.remove(i);
                    break;
                }
            }
            return this;
        }

        Top with(Row row, int length) {
            int low = 0, high = rows.size();
            while (low < high) {
                int middle = (low + high) >>> 1;
                Row other = rows.get(middle);
                boolean before = other.total > row.total || other.total == row.total && other.key.compareTo(row.key) < 0;
                if (before) {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            if (low < length) {
                rows.add(low, row);
                if (rows.size() > length) {
                    rows.remove(length);
                }
            }
            return this;
        }
    }

    private static final JsonFactory JSON = new JsonFactory();

    static final Serde<Sale> SALE = Serdes.serdeFrom(
            (topic, sale) -> {
                throw new UnsupportedOperationException();
            },
            (topic, bytes) -> {
                String time = null, city = null, id = null, name = null;
                BigDecimal amount = null;
                try (JsonParser parser = JSON.createParser(bytes)) {
                    if (parser.nextToken() != JsonToken.START_OBJECT) {
                        throw new IOException("not an object");
                    }
                    for (String field; (field = parser.nextFieldName()) != null; ) {
                        parser.nextToken();
                        switch (field) {
                            case "event_time" -> time = parser.getText();
                            case "city" -> city = parser.getText();
                            case "salesman_id" -> id = parser.getText();
                            case "salesman_name" -> name = parser.getText();
                            case "amount" -> amount = parser.getDecimalValue();
                            default -> parser.skipChildren();
                        }
                    }
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
                return new Sale(millis(time), city, id, name, amount.movePointRight(2).longValueExact());
            });

    static final Serde<Deal> DEAL = serde(
            (out, deal) -> {
                out.writeUTF(deal.salesmanName);
                out.writeUTF(deal.city);
                out.writeLong(deal.amount);
            },
            in -> new Deal(in.readUTF(), in.readUTF(), in.readLong()));

    static final Serde<City> CITY = serde(
            (out, city) -> {
                out.writeLong(city.total);
                out.writeLong(city.count);
                out.writeLong(city.max);
            },
            in -> new City(in.readLong(), in.readLong(), in.readLong()));

    static final Serde<Salesman> SALESMAN = serde(
            (out, salesman) -> {
                out.writeUTF(salesman.name);
                out.writeLong(salesman.total);
                out.writeLong(salesman.count);
                out.writeInt(salesman.cities.size());
                for (String city : salesman.cities) {
                    out.writeUTF(city);
                }
            },
            in -> {
                String name = in.readUTF();
                long total = in.readLong(), count = in.readLong();
                int n = in.readInt();
                Set<String> cities = new HashSet<>(n * 2);
                for (int i = 0; i < n; i++) {
                    cities.add(in.readUTF());
                }
                return new Salesman(name, total, count, cities);
            });

    static final Serde<Row> ROW = serde(Values::write, Values::row);

    static final Serde<Top> TOP = serde(
            (out, top) -> {
                out.writeInt(top.rows.size());
                for (Row row : top.rows) {
                    write(out, row);
                }
            },
            in -> {
                int n = in.readInt();
                List<Row> rows = new ArrayList<>(n + 1);
                for (int i = 0; i < n; i++) {
                    rows.add(row(in));
                }
                return new Top(rows);
            });

    private static void write(DataOutputStream out, Row row) throws IOException {
        out.writeUTF(row.key);
        out.writeLong(row.total);
        out.writeLong(row.count);
        out.writeLong(row.last);
    }

    private static Row row(DataInputStream in) throws IOException {
        return new Row(in.readUTF(), in.readLong(), in.readLong(), in.readLong());
    }

    interface Write<T> {
        void to(DataOutputStream out, T value) throws IOException;
    }

    interface Read<T> {
        T from(DataInputStream in) throws IOException;
    }

    private static <T> Serde<T> serde(Write<T> write, Read<T> read) {
        return Serdes.serdeFrom(
                (topic, value) -> {
                    if (value == null) {
                        return null;
                    }
                    var bytes = new ByteArrayOutputStream(64);
                    try {
                        write.to(new DataOutputStream(bytes), value);
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                    return bytes.toByteArray();
                },
                (topic, bytes) -> {
                    if (bytes == null) {
                        return null;
                    }
                    try {
                        return read.from(new DataInputStream(new ByteArrayInputStream(bytes)));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                });
    }

    /** Milliseconds of 2026-01-23T10:15:00.123Z. */
    static long millis(String text) {
        long day = LocalDate.of(number(text, 0, 4), number(text, 5, 7), number(text, 8, 10)).toEpochDay();
        int fraction = text.charAt(19) == '.' ? number(text, 20, 23) : 0;
        return ((day * 24 + number(text, 11, 13)) * 60 + number(text, 14, 16)) * 60_000
                + number(text, 17, 19) * 1000L + fraction;
    }

    private static int number(String text, int from, int to) {
        return Integer.parseInt(text, from, to, 10);
    }
}
