-- NULL, the empty text and a text are three groups, alone and beside another key; NULL is least where values tie.
CREATE TABLE visits (
  page STRING,
  browser VARCHAR(8),
  seconds INT,
  at TIMESTAMP_LTZ(3),
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
);
INSERT INTO pages
SELECT window_start, window_end, page, visits, seconds, timed, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY visits DESC) AS n
  FROM (
    SELECT window_start, window_end, page, COUNT(*) AS visits, SUM(seconds) AS seconds, COUNT(seconds) AS timed
    FROM TABLE(TUMBLE(TABLE visits, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, page))
WHERE n <= 10;
INSERT INTO pairs
SELECT window_start, window_end, browser, page, visits, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY visits DESC) AS n
  FROM (
    SELECT window_start, window_end, browser, page, COUNT(*) AS visits
    FROM TABLE(TUMBLE(TABLE visits, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, browser, page))
WHERE n <= 10;
