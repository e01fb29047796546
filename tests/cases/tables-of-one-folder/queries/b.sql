INSERT INTO crowded
SELECT window_start, window_end, `stop name`, riders, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY riders DESC) AS n
  FROM (
    SELECT window_start, window_end, `stop name`, SUM(riders) AS riders
    FROM TABLE(TUMBLE(TABLE `bus stops`, DESCRIPTOR(seen), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, `stop name`))
WHERE n <= 10;
