-- A snapshot, then changes; of one table with all of what a row was, of the other with its key alone.
CREATE TABLE moves (
  id BIGINT, at TIMESTAMP_LTZ(3), branch STRING, euro DECIMAL(10, 2),
  PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at
) WITH ('format' = 'debezium-json');
INSERT INTO branches
SELECT window_start, window_end, branch, euro, n, r FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY euro DESC) AS r FROM (
    SELECT window_start, window_end, branch, SUM(euro) AS euro, COUNT(*) AS n
    FROM TABLE(TUMBLE(TABLE moves, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, branch))
WHERE r <= 10;
