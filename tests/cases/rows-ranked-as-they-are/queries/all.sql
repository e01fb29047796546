-- Rows without a group: named by their primary key, or by where they came from.
CREATE TABLE bids (
  bid STRING, placed TIMESTAMP_LTZ(3), lot STRING, eur DECIMAL(8, 2), who STRING,
  PRIMARY KEY (bid) NOT ENFORCED, WATERMARK FOR placed AS placed
);
CREATE TABLE quakes (at TIMESTAMP(3), place STRING, depth INT, size DECIMAL(3, 1), WATERMARK FOR at AS at);

-- The best two of each lot's first letter; equal bids by their key.
INSERT INTO best
SELECT window_start, window_end, lot, eur, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, SUBSTRING(lot, 1, 1) ORDER BY eur DESC) AS n
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(placed), INTERVAL '10' MINUTE)) WHERE who IS NOT NULL)
WHERE n <= 2;

-- RANK keeps all that are equal; two rows alike are two rows.
INSERT INTO strongest
SELECT place, size * 2 AS twice, r FROM (
  SELECT place, size, window_start, window_end, RANK() OVER (PARTITION BY window_start, window_end ORDER BY size DESC) AS r
  FROM TABLE(TUMBLE(TABLE quakes, DESCRIPTOR(at), INTERVAL '1' HOUR)))
WHERE r <= 2;

-- The first of each place, its rank left out.
INSERT INTO first_of_each
SELECT place, depth FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, place ORDER BY at, depth) AS n
  FROM TABLE(TUMBLE(TABLE quakes, DESCRIPTOR(at), INTERVAL '1' HOUR)))
WHERE n = 1;
