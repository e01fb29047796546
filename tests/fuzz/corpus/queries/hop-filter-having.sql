-- A step smaller than the window, a partitioned rank, every aggregate.
SELECT window_start, window_end, city, salesman_id, total, n, "least", most, buyers, rownum
FROM (
  SELECT *, DENSE_RANK() OVER (PARTITION BY window_start, window_end, city ORDER BY total DESC, n ASC) AS rownum
  FROM (
    SELECT window_start, window_end, city, salesman_id,
           SUM(amount) FILTER (WHERE amount > 0.50 AND NOT city = 'Porto') AS total,
           COUNT(*) AS n, MIN(amount) AS "least", MAX(amount) AS most, COUNT(DISTINCT salesman_name) AS buyers
    FROM TABLE(HOP(TABLE sales, DESCRIPTOR(event_time), INTERVAL '5' MINUTE, INTERVAL '1' HOUR))
    WHERE city IN ('Lisbon', 'Porto') OR salesman_name LIKE 'A%' /* both */
    GROUP BY window_start, window_end, city, salesman_id))
WHERE rownum <= 3
