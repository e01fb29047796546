-- Parcels beside their depots as they are, and beside their couriers as they were. Nothing is late.
CREATE TABLE parcels (
  id INT, seen TIMESTAMP_LTZ(3), depot STRING, courier STRING, grams DECIMAL(8, 2),
  WATERMARK FOR seen AS seen - INTERVAL '1' MINUTE
);
-- Of a key the last row is the one.
CREATE TABLE depots (depot STRING, area STRING, factor DECIMAL(4, 2), PRIMARY KEY (depot) NOT ENFORCED);
CREATE TABLE couriers (
  courier STRING, team STRING, since TIMESTAMP_LTZ(3),
  PRIMARY KEY (courier) NOT ENFORCED, WATERMARK FOR since AS since
) WITH (
  'connector' = 'upsert-kafka', 'topic' = 'couriers', 'properties.bootstrap.servers' = 'k:9092',
  'key.format' = 'json', 'value.format' = 'json'
);
INSERT INTO areas
SELECT window_start, window_end, area, total, burden, most, couriers, last_courier, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS n FROM (
    SELECT window_start, window_end, d.area, SUM(p.grams) AS total, SUM(p.grams * d.factor) AS burden, MAX(grams) AS most,
           COUNT(DISTINCT courier) AS couriers, LAST_VALUE(courier) AS last_courier
    FROM TABLE(TUMBLE(TABLE parcels, DESCRIPTOR(seen), INTERVAL '1' HOUR)) AS p
    LEFT JOIN depots AS d ON d.depot = p.depot
    GROUP BY window_start, window_end, d.area))
WHERE n <= 10;
INSERT INTO teams
SELECT window_start, window_end, team, total, n FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS n FROM (
    SELECT window_start, window_end, c.team, SUM(p.grams) AS total
    FROM TABLE(TUMBLE(TABLE parcels, DESCRIPTOR(seen), INTERVAL '1' HOUR)) AS p
    JOIN couriers FOR SYSTEM_TIME AS OF p.seen AS c ON p.courier = c.courier
    WHERE p.grams < 100 AND c.team <> 'none'
    GROUP BY window_start, window_end, c.team))
WHERE n <= 10;
