-- UNION ALL: columns by position, of types that hold both; a table that is there twice counts twice.
CREATE TABLE tickets (town STRING, sold TIMESTAMP_LTZ(3), cents INT, WATERMARK FOR sold AS sold);
CREATE TABLE passes (sold TIMESTAMP_LTZ(3), city STRING, eur DECIMAL(6, 2), monthly BOOLEAN, WATERMARK FOR sold AS sold);
CREATE VIEW income (at, town, eur) AS
  SELECT sold, town, CAST(CAST(cents AS DECIMAL(10, 2)) / 100 AS DECIMAL(10, 2)) FROM tickets WHERE cents > 0
  UNION ALL SELECT sold, city, eur FROM passes
  UNION ALL SELECT sold, city, eur FROM passes WHERE monthly;

INSERT INTO towns
WITH sums AS (
  SELECT window_start, window_end, town, SUM(eur) AS eur, COUNT(*) AS n
  FROM TABLE(TUMBLE(TABLE income, DESCRIPTOR(at), INTERVAL '1' DAY))
  GROUP BY window_start, window_end, town)
SELECT window_start, window_end, town, eur, n, r
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY eur DESC) AS r FROM sums) WHERE r <= 3;
