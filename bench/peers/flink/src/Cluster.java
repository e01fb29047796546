import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.RestartStrategyOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.runtime.jobgraph.JobGraph;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;

/** A cluster of one process, this one, and a job that is run on it to its end. */
final class Cluster {
    private Cluster() {}

    /** Object reuse, state on the heap, no restarts; what lies in managed memory, of each worker, is the buffers of window aggregation. */
    static Configuration configuration(int workers, long managedMebibytes) {
        Configuration conf = new Configuration();
        conf.set(PipelineOptions.OBJECT_REUSE, true);
        conf.set(StateBackendOptions.STATE_BACKEND, "hashmap");
        conf.set(RestartStrategyOptions.RESTART_STRATEGY, "none");
        conf.set(RestOptions.BIND_PORT, "0");
        conf.set(RestOptions.BIND_ADDRESS, "127.0.0.1");
        conf.set(RestOptions.ADDRESS, "127.0.0.1");
        conf.set(TaskManagerOptions.NUM_TASK_SLOTS, workers);
        conf.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(managedMebibytes * workers));
        conf.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(128));
        conf.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(128));
        return conf;
    }

    /** Seconds from handing the job to the running cluster until it has ended. */
    static double run(Configuration conf, int workers, JobGraph graph) throws Exception {
        var cluster = new MiniCluster(new MiniClusterConfiguration.Builder()
                .setConfiguration(conf)
                .setNumTaskManagers(1)
                .setNumSlotsPerTaskManager(workers)
                .build());
        try {
            cluster.start();
            long began = System.nanoTime();
            var submitted = cluster.submitJob(graph).get();
            var result = cluster.requestJobResult(submitted.getJobID()).get();
            double seconds = (System.nanoTime() - began) / 1e9;
            var failure = result.getSerializedThrowable();
            if (failure.isPresent()) {
                throw new RuntimeException(failure.get().deserializeError(Cluster.class.getClassLoader()));
            }
            return seconds;
        } finally {
            cluster.close();
        }
    }
}
