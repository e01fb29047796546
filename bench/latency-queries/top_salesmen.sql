-- The hundred salesmen with the highest sales in the country, each hour.
SELECT window_start, window_end, salesman_id, salesman_name, total_sales, deals_closed, avg_deal_size, cities_covered, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total_sales DESC) AS rownum
  FROM (
    SELECT window_start, window_end, salesman_id,
           LAST_VALUE(salesman_name) AS salesman_name,
           SUM(amount)               AS total_sales,
           COUNT(*)                  AS deals_closed,
           AVG(amount)               AS avg_deal_size,
           COUNT(DISTINCT city)      AS cities_covered
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, salesman_id
  )
)
WHERE rownum <= 100;
