-- Each day, the salesmen by how much of their quota they have sold. Who has none is not there.
SELECT window_start, window_end, salesman_id, sold, quota, share, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY share DESC NULLS LAST) AS place FROM (
    SELECT window_start, window_end, s.salesman_id, q.quota,
           SUM(s.amount)                                              AS sold,
           CAST(SUM(s.amount) * 100 / q.quota AS DECIMAL(12, 1))      AS share
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY)) AS s
    JOIN quotas AS q ON s.salesman_id = q.salesman_id
    GROUP BY window_start, window_end, s.salesman_id, q.quota))
WHERE place <= 100;
