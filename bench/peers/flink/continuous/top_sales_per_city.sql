-- bench/queries/top_sales_per_city.sql with the ranks as sales arrive: a group aggregation, not a window that closes.
SELECT window_start, city, total_sales, transaction_count, avg_sale, max_sale, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start ORDER BY total_sales DESC) AS rownum
  FROM (
    SELECT window_start, city,
           SUM(amount) AS total_sales,
           COUNT(*)    AS transaction_count,
           AVG(amount) AS avg_sale,
           MAX(amount) AS max_sale
    FROM (SELECT FLOOR(event_time TO HOUR) AS window_start, city, amount FROM sales)
    GROUP BY window_start, city
  )
)
WHERE rownum <= 10
