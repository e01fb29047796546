-- Two tables, each as late as it says; rankings named by INSERT INTO; one ranking over each.
CREATE TABLE rides (id INT, km INT, at TIMESTAMP_LTZ(3), WATERMARK FOR at AS at - INTERVAL '2' HOUR);
CREATE TABLE `bus stops` (`stop name` STRING, riders INT, seen TIMESTAMP(3), WATERMARK FOR seen AS seen);
INSERT INTO far
SELECT window_start, window_end, id, km, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY km DESC) AS n
  FROM (
    SELECT window_start, window_end, id, SUM(km) AS km
    FROM TABLE(TUMBLE(TABLE rides, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, id))
WHERE n <= 10;
