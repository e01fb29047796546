-- Small windows, so that many are opened, closed and dropped.
SELECT window_start, window_end, city, total_sales, transaction_count, sellers, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total_sales DESC) AS rownum
  FROM (
    SELECT window_start, window_end, city,
           SUM(amount)                 AS total_sales,
           COUNT(*)                    AS transaction_count,
           COUNT(DISTINCT salesman_id) AS sellers
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '10' SECOND))
    GROUP BY window_start, window_end, city
  )
)
WHERE rownum <= 10;
