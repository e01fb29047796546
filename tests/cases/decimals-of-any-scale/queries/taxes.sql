-- Four digits of a tax, none of a head count, and more digits than a 64-bit number has.
CREATE TABLE taxes (
  town STRING NOT NULL,
  at TIMESTAMP_LTZ(3),
  tax DECIMAL(12, 4),
  heads DECIMAL(38, 0),
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
);
INSERT INTO towns
SELECT window_start, window_end, town, tax, mean, least, heads, mean_heads, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY tax DESC) AS n
  FROM (
    SELECT window_start, window_end, town, SUM(tax) AS tax, AVG(tax) AS mean, MIN(tax) AS least, SUM(heads) AS heads, AVG(heads) AS mean_heads
    FROM TABLE(TUMBLE(TABLE taxes, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, town))
WHERE n <= 10;
