-- What a clock in Lisbon showed: the hour that came twice is its first, the one that never came is a dead letter.
CREATE TABLE calls (
  who STRING,
  at TIMESTAMP_LTZ(3),
  WATERMARK FOR at AS at - INTERVAL '300' DAY
) WITH ('format' = 'json', 'json.timestamp-format.standard' = 'SQL', 'scan.time-zone' = 'Europe/Lisbon');
INSERT INTO callers
SELECT window_start, window_end, who, calls, newest, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY calls DESC) AS n
  FROM (
    SELECT window_start, window_end, who, COUNT(*) AS calls, MAX(at) AS newest
    FROM TABLE(TUMBLE(TABLE calls, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, who))
WHERE n <= 10;
