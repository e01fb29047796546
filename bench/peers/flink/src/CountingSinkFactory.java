import java.io.Serializable;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.utils.LogicalTypeChecks;
import org.apache.flink.types.RowKind;

/**
 * A sink that costs next to nothing: it counts the rows and keeps the last row of each (window, rank) in memory, or
 * of each (window, key) where rows have no rank. It takes upserts by these, so that the job need not send the rows that an update replaces.
 */
public class CountingSinkFactory implements DynamicTableSinkFactory {
    static final ConfigOption<String> RANKING = ConfigOptions.key("ranking").stringType().noDefaultValue();

    /** What one writer saw, handed over when it closes. The mini cluster runs in this process. */
    static final ConcurrentLinkedQueue<Writer> CLOSED = new ConcurrentLinkedQueue<>();

    record Place(long window, Object within) {}

    record Shown(long rank, String key, BigDecimal total, long count, String last) {}

    @Override
    public String factoryIdentifier() {
        return "counting";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of(RANKING);
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of();
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        String ranking = FactoryUtil.createTableFactoryHelper(this, context).getOptions().get(RANKING);
        var schema = context.getCatalogTable().getResolvedSchema();
        var names = schema.getColumnNames();
        LogicalType[] types = schema.getColumnDataTypes().stream().map(t -> t.getLogicalType()).toArray(LogicalType[]::new);
        boolean city = ranking.equals("top_sales_per_city");
        String[] wanted = city
                ? new String[] {"window_start", "rownum", "city", "total_sales", "transaction_count", "max_sale"}
                : new String[] {"window_start", "rownum", "salesman_id", "total_sales", "deals_closed", "cities_covered"};
        Cells cells = new Cells();
        cells.at = new int[wanted.length];
        for (int i = 0; i < wanted.length; i++) {
            cells.at[i] = names.indexOf(wanted[i]);
        }
        cells.windowPrecision = LogicalTypeChecks.getPrecision(types[cells.at[0]]);
        cells.last = RowData.createFieldGetter(types[cells.at[5]].copy(true), cells.at[5]);
        return new TableSink(new CountingSink(ranking, cells));
    }

    static class Cells implements Serializable {
        int[] at;
        int windowPrecision;
        RowData.FieldGetter last;
    }

    record TableSink(CountingSink sink) implements DynamicTableSink {
        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return requested.containsOnly(RowKind.INSERT) ? ChangelogMode.insertOnly() : ChangelogMode.upsert();
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            return SinkV2Provider.of(sink);
        }

        @Override
        public DynamicTableSink copy() {
            return this;
        }

        @Override
        public String asSummaryString() {
            return "counting";
        }
    }

    record CountingSink(String ranking, Cells cells) implements Sink<RowData> {
        @Override
        public SinkWriter<RowData> createWriter(WriterInitContext context) {
            return new Writer(ranking, cells);
        }
    }

    static class Writer implements SinkWriter<RowData> {
        final String ranking;
        final Cells cells;
        final Map<Place, Shown> rows = new HashMap<>();
        long written;

        Writer(String ranking, Cells cells) {
            this.ranking = ranking;
            this.cells = cells;
        }

        @Override
        public void write(RowData row, Context context) {
            written++;
            int[] at = cells.at;
            long window = row.getTimestamp(at[0], cells.windowPrecision).getMillisecond();
            long rank = at[1] < 0 ? 0 : row.getLong(at[1]);
            String key = row.getString(at[2]).toString();
            var place = new Place(window, rank == 0 ? key : (Object) rank);
            switch (row.getRowKind()) {
                case INSERT, UPDATE_AFTER -> rows.put(
                        place,
                        new Shown(
                                rank,
                                key,
                                row.getDecimal(at[3], 38, 2).toBigDecimal(),
                                row.getLong(at[4]),
                                String.valueOf(cells.last.getFieldOrNull(row))));
                case DELETE -> rows.remove(place);
                case UPDATE_BEFORE -> { }
            }
        }

        @Override
        public void flush(boolean endOfInput) {}

        @Override
        public void close() {
            CLOSED.add(this);
        }
    }
}
