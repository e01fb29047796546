-- The ten cities with the highest sales of each hour.
SELECT window_start, window_end, city, total_sales, transaction_count, avg_sale, max_sale, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total_sales DESC) AS rownum
  FROM (
    SELECT window_start, window_end, city,
           SUM(amount) AS total_sales,
           COUNT(*)    AS transaction_count,
           AVG(amount) AS avg_sale,
           MAX(amount) AS max_sale
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, city
  )
)
WHERE rownum <= 10;
