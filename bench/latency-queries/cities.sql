-- Every city by its sales of the hour, with the last sale: a change shows how far the input has come.
SELECT window_start, window_end, city, total_sales, transaction_count, last_sale, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total_sales DESC) AS rownum
  FROM (
    SELECT window_start, window_end, city,
           SUM(amount)         AS total_sales,
           COUNT(*)            AS transaction_count,
           LAST_VALUE(sale_id) AS last_sale
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, city
  )
)
WHERE rownum <= 1000;
