CREATE TABLE bills (
  town STRING,
  kind STRING,
  eur DECIMAL(8, 2),
  at TIMESTAMP_LTZ(3),
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
);
INSERT INTO places
SELECT window_start, window_end, place, twice, cards, kinds, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY twice DESC) AS n
  FROM (
    SELECT window_start, window_end, UPPER(TRIM(town)) AS place, SUM(eur * 2) AS twice, COUNT(*) FILTER (WHERE kind IS DISTINCT FROM 'cash') AS cards, COUNT(DISTINCT CASE WHEN eur >= 10 THEN 'large' ELSE kind END) AS kinds
    FROM TABLE(TUMBLE(TABLE bills, DESCRIPTOR(at), INTERVAL '1' HOUR))
    WHERE NOT (kind = 'void') OR kind IS NULL AND eur BETWEEN 0 AND 100
    GROUP BY window_start, window_end, UPPER(TRIM(town))))
WHERE n <= 10;
