-- As many keys as there are salesmen, and each sale in three windows.
SELECT window_start, window_end, salesman_id, total_sales, max_sale, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total_sales DESC) AS rownum
  FROM (
    SELECT window_start, window_end, salesman_id,
           SUM(amount) AS total_sales,
           MAX(amount) AS max_sale
    FROM TABLE(HOP(TABLE sales, DESCRIPTOR(event_time), INTERVAL '10' SECOND, INTERVAL '30' SECOND))
    GROUP BY window_start, window_end, salesman_id
  )
)
WHERE rownum <= 100;
