SELECT window_start, window_end, country, revenue, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY revenue DESC) AS rownum
  FROM (
    SELECT window_start, window_end, country, SUM(revenue) AS revenue
    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(placed), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, country))
WHERE rownum <= 10;
