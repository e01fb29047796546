-- bench/latency-queries/cities.sql with the ranks as sales arrive: a group aggregation, not a window that closes. event_time is in milliseconds.
SELECT window_start, TIMESTAMPADD(HOUR, 1, window_start) AS window_end, city, total_sales, transaction_count, last_sale, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start ORDER BY total_sales DESC) AS rownum
  FROM (
    SELECT window_start, city,
           SUM(amount)         AS total_sales,
           COUNT(*)            AS transaction_count,
           LAST_VALUE(sale_id) AS last_sale
    FROM (SELECT FLOOR(TO_TIMESTAMP_LTZ(event_time, 3) TO HOUR) AS window_start, city, amount, sale_id FROM sales)
    GROUP BY window_start, city
  )
)
WHERE rownum <= 1000
