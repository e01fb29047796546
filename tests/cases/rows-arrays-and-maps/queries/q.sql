-- Fields of rows by their path, elements from 1, values of a map by key; what is null on the way is NULL, what may not be is a
-- dead letter.
CREATE TABLE orders (
  id BIGINT NOT NULL,
  at TIMESTAMP_LTZ(3),
  ship ROW<town STRING, geo ROW<country STRING NOT NULL, zip STRING>>,
  buyer ROW<name STRING NOT NULL> NOT NULL,
  tags ARRAY<STRING>,
  lines ARRAY<ROW<sku STRING, cents INT>>,
  more MAP<STRING, STRING>,
  first AS tags[1],
  country AS ship.geo.country,
  cents AS lines[1].cents,
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
);
INSERT INTO lands
SELECT window_start, window_end, country, first, orders, cents, gifts, tags, buyer, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY orders DESC, cents DESC) AS n
  FROM (
    SELECT window_start, window_end, country, first, COUNT(*) AS orders, SUM(cents) AS cents, COUNT(*) FILTER (WHERE more['gift'] = 'yes') AS gifts, SUM(CARDINALITY(tags)) AS tags, LAST_VALUE(buyer.name) AS buyer
    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, country, first))
WHERE n <= 10;
