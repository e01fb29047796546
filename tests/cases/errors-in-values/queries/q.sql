-- In a computed column an error costs the record; in what a ranking computes, that ranking alone.
CREATE TABLE trips (
  driver STRING,
  km INT,
  minutes INT,
  fare STRING,
  at TIMESTAMP_LTZ(3),
  eur AS CAST(fare AS DECIMAL(8, 2)),
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
);
INSERT INTO earned
SELECT window_start, window_end, driver, eur, trips, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY eur DESC) AS n
  FROM (
    SELECT window_start, window_end, driver, SUM(eur) AS eur, COUNT(*) AS trips
    FROM TABLE(TUMBLE(TABLE trips, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, driver))
WHERE n <= 10;
INSERT INTO fast
SELECT window_start, window_end, driver, fastest, trips, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY fastest DESC) AS n
  FROM (
    SELECT window_start, window_end, driver, MAX(km * 60 / minutes) AS fastest, COUNT(*) AS trips
    FROM TABLE(TUMBLE(TABLE trips, DESCRIPTOR(at), INTERVAL '1' HOUR))
    WHERE km > 0
    GROUP BY window_start, window_end, driver))
WHERE n <= 10;
