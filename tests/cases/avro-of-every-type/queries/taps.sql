-- A file that another library wrote: tests/fixtures/avro/make.py.
CREATE TABLE taps (
  event_time TIMESTAMP_LTZ(6) NOT NULL,
  b BOOLEAN,
  i INT,
  l BIGINT,
  f FLOAT,
  d DOUBLE,
  s STRING,
  y BYTES,
  x STRING,
  e STRING,
  m DECIMAL(38, 4),
  `day` DATE,
  ms TIME,
  us TIME,
  `local` TIMESTAMP(3),
  u STRING,
  a ARRAY<BIGINT>,
  r ROW<x INT, y STRING>,
  p MAP<STRING, DOUBLE>,
  gone STRING
) WITH ('format' = 'avro');

INSERT INTO seen SELECT * FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, rx DESC) AS place FROM (
    SELECT window_start, window_end, b, i, l, f, d, s, x, e, m, `day`, ms, us, `local`, u, a[1] AS a1, a[2] AS a2, a[3] AS a3,
      r.x AS rx, r.y AS ry, p['k'] AS k, gone, COUNT(*) AS n
    FROM TABLE(TUMBLE(TABLE taps, DESCRIPTOR(event_time), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, b, i, l, f, d, s, x, e, m, `day`, ms, us, `local`, u, a[1], a[2], a[3], r.x, r.y, p['k'], gone))
WHERE place <= 5;
