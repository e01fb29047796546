import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
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
import org.apache.flink.types.Row;
import org.apache.flink.types.RowKind;

/**
 * A sink of any columns, 'connector' = 'keeping': it counts the rows, and with 'keep' = 'true' has the last row of each
 * primary key in memory. It takes upserts by that key, so the job need not send the rows that an update replaces.
 */
public class KeepingSinkFactory implements DynamicTableSinkFactory {
    static final ConfigOption<Boolean> KEEP = ConfigOptions.key("keep").booleanType().defaultValue(false);

    /** What one writer saw, handed over when it closes. The mini cluster runs in this process. */
    static final ConcurrentLinkedQueue<Writer> CLOSED = new ConcurrentLinkedQueue<>();

    @Override
    public String factoryIdentifier() {
        return "keeping";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return Set.of();
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return Set.of(KEEP);
    }

    @Override
    public DynamicTableSink createDynamicTableSink(Context context) {
        boolean keep = FactoryUtil.createTableFactoryHelper(this, context).getOptions().get(KEEP);
        var schema = context.getCatalogTable().getResolvedSchema();
        String name = context.getObjectIdentifier().getObjectName();
        return new TableSink(name, keep, schema.getPrimaryKeyIndexes(), schema.toSinkRowDataType());
    }

    record TableSink(String name, boolean keep, int[] key, org.apache.flink.table.types.DataType type)
            implements DynamicTableSink {
        @Override
        public ChangelogMode getChangelogMode(ChangelogMode requested) {
            return requested.containsOnly(RowKind.INSERT) ? ChangelogMode.insertOnly() : ChangelogMode.upsert();
        }

        @Override
        public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
            return SinkV2Provider.of(new KeepingSink(name, keep, key, context.createDataStructureConverter(type)));
        }

        @Override
        public DynamicTableSink copy() {
            return this;
        }

        @Override
        public String asSummaryString() {
            return "keeping";
        }
    }

    record KeepingSink(String name, boolean keep, int[] key, DynamicTableSink.DataStructureConverter converter)
            implements Sink<RowData>, Serializable {
        @Override
        public SinkWriter<RowData> createWriter(WriterInitContext context) {
            return new Writer(this);
        }
    }

    static class Writer implements SinkWriter<RowData> {
        final KeepingSink of;
        final Map<List<Object>, Row> rows = new HashMap<>();
        long written;

        Writer(KeepingSink of) {
            this.of = of;
        }

        @Override
        public void write(RowData data, Context context) {
            written++;
            if (!of.keep || data.getRowKind() == RowKind.UPDATE_BEFORE) {
                return;
            }
            Row row = (Row) of.converter.toExternal(data);
            List<Object> key = new ArrayList<>(of.key.length);
            Arrays.stream(of.key).forEach(at -> key.add(row.getField(at)));
            if (data.getRowKind() == RowKind.DELETE) {
                rows.remove(key);
            } else {
                rows.put(key, row);
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
