-- The three best salesmen within each city, each hour.
SELECT window_start, window_end, city, salesman_id, salesman_name, total_sales, deals_closed, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, city ORDER BY total_sales DESC) AS rownum
  FROM (
    SELECT window_start, window_end, city, salesman_id,
           LAST_VALUE(salesman_name) AS salesman_name,
           SUM(amount)               AS total_sales,
           COUNT(*)                  AS deals_closed
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, city, salesman_id
  )
)
WHERE rownum <= 3;
