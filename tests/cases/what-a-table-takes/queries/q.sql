-- Each easing is written down; what is not is a dead letter that says what to declare.
CREATE TABLE sales_of_others (
  ref STRING,
  code CHAR(2),
  short VARCHAR(3),
  eur DECIMAL(6, 2),
  at TIMESTAMP_LTZ(3),
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
);
INSERT INTO codes
SELECT window_start, window_end, code, eur, n1, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY eur DESC) AS n
  FROM (
    SELECT window_start, window_end, code, SUM(eur) AS eur, COUNT(*) AS n1
    FROM TABLE(TUMBLE(TABLE sales_of_others, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, code))
WHERE n <= 10;
