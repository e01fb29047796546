-- Each day, the regions by the share of their target. A region's target is that of its cities: one join after the other.
SELECT window_start, window_end, region, sold, target, share, place FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY share DESC NULLS LAST) AS place FROM (
    SELECT window_start, window_end, c.region, t.target,
           SUM(s.amount)                                         AS sold,
           CAST(SUM(s.amount) * 100 / t.target AS DECIMAL(12, 1)) AS share
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY)) AS s
    JOIN cities AS c ON s.city = c.city
    LEFT JOIN targets AS t ON c.region = t.region
    GROUP BY window_start, window_end, c.region, t.target))
WHERE place <= 20;
