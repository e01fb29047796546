CREATE TABLE readings (
  probe SMALLINT,
  ok BOOLEAN,
  level DOUBLE,
  salt FLOAT,
  day DATE,
  clock TIME,
  shown TIMESTAMP(3),
  at TIMESTAMP_LTZ(6),
  raw BYTES,
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
);
INSERT INTO by_probe
SELECT window_start, window_end, probe, readings, low, salt, newest, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY readings DESC, probe ASC) AS n
  FROM (
    SELECT window_start, window_end, probe, COUNT(*) AS readings, MIN(level) AS low, MAX(salt) AS salt, MAX(at) AS newest
    FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, probe))
WHERE n <= 10;
INSERT INTO by_ok
SELECT window_start, window_end, ok, readings, low, salt, newest, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY readings DESC, ok ASC) AS n
  FROM (
    SELECT window_start, window_end, ok, COUNT(*) AS readings, MIN(level) AS low, MAX(salt) AS salt, MAX(at) AS newest
    FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, ok))
WHERE n <= 10;
INSERT INTO by_level
SELECT window_start, window_end, level, readings, low, salt, newest, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY readings DESC, level ASC) AS n
  FROM (
    SELECT window_start, window_end, level, COUNT(*) AS readings, MIN(level) AS low, MAX(salt) AS salt, MAX(at) AS newest
    FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, level))
WHERE n <= 10;
INSERT INTO by_day
SELECT window_start, window_end, day, readings, low, salt, newest, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY readings DESC, day ASC) AS n
  FROM (
    SELECT window_start, window_end, day, COUNT(*) AS readings, MIN(level) AS low, MAX(salt) AS salt, MAX(at) AS newest
    FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, day))
WHERE n <= 10;
INSERT INTO by_clock
SELECT window_start, window_end, clock, readings, low, salt, newest, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY readings DESC, clock ASC) AS n
  FROM (
    SELECT window_start, window_end, clock, COUNT(*) AS readings, MIN(level) AS low, MAX(salt) AS salt, MAX(at) AS newest
    FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, clock))
WHERE n <= 10;
INSERT INTO by_shown
SELECT window_start, window_end, shown, readings, low, salt, newest, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY readings DESC, shown ASC) AS n
  FROM (
    SELECT window_start, window_end, shown, COUNT(*) AS readings, MIN(level) AS low, MAX(salt) AS salt, MAX(at) AS newest
    FROM TABLE(TUMBLE(TABLE readings, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, shown))
WHERE n <= 10;
