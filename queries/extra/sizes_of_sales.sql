-- Each day, the five numbers that say how large the sales of a city are: the least, the quarters, the greatest.
SELECT window_start, window_end, city, least, lower_quarter, middle, upper_quarter, greatest, deals, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY middle DESC) AS place FROM (
    SELECT window_start, window_end, city,
           MIN(amount)              AS least,
           PERCENTILE(amount, 0.25) AS lower_quarter,
           PERCENTILE(amount, 0.5)  AS middle,
           PERCENTILE(amount, 0.75) AS upper_quarter,
           MAX(amount)              AS greatest,
           COUNT(*)                 AS deals
    FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, city))
WHERE place <= 20;
