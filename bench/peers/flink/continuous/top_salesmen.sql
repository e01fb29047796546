-- bench/queries/top_salesmen.sql with the ranks as sales arrive: a group aggregation, not a window that closes.
SELECT window_start, salesman_id, salesman_name, total_sales, deals_closed, avg_deal_size, cities_covered, rownum
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start ORDER BY total_sales DESC) AS rownum
  FROM (
    SELECT window_start, salesman_id,
           LAST_VALUE(salesman_name) AS salesman_name,
           SUM(amount)               AS total_sales,
           COUNT(*)                  AS deals_closed,
           AVG(amount)               AS avg_deal_size,
           COUNT(DISTINCT city)      AS cities_covered
    FROM (SELECT FLOOR(event_time TO HOUR) AS window_start, salesman_id, salesman_name, city, amount FROM sales)
    GROUP BY window_start, salesman_id
  )
)
WHERE rownum <= 100
