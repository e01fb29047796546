-- Neither WATERMARK nor flag: of a file that is read to its end nothing is late.
CREATE TABLE old_sales (city STRING, eur DECIMAL(8, 2), event_time DATE);
INSERT INTO cities
SELECT window_start, window_end, city, eur, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY eur DESC) AS n
  FROM (
    SELECT window_start, window_end, city, SUM(eur) AS eur
    FROM TABLE(TUMBLE(TABLE old_sales, DESCRIPTOR(event_time), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, city))
WHERE n <= 10;
