-- Each day, the regions by what was sold in their cities. A city that moves takes its sales of open days with it.
SELECT window_start, window_end, region, total_sales, deals, cities, place FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY total_sales DESC) AS place FROM (
    SELECT window_start, window_end, c.region,
           SUM(s.amount)          AS total_sales,
           COUNT(*)               AS deals,
           COUNT(DISTINCT s.city) AS cities
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY)) AS s
    LEFT JOIN cities AS c ON s.city = c.city
    GROUP BY window_start, window_end, c.region))
WHERE place <= 20;
