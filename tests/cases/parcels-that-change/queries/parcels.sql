-- Parcels in depots: a record is the present row of its parcel, none its end. Nothing is late.
CREATE TABLE parcels (
  parcel STRING, seen TIMESTAMP_LTZ(3), depot STRING, grams DECIMAL(8, 2), courier STRING,
  PRIMARY KEY (parcel) NOT ENFORCED, WATERMARK FOR seen AS seen - INTERVAL '1' MINUTE
) WITH (
  'connector' = 'upsert-kafka', 'topic' = 'parcels', 'properties.bootstrap.servers' = 'k:9092',
  'key.format' = 'json', 'value.format' = 'json'
);
INSERT INTO depots
SELECT window_start, window_end, depot, total, mean, least, most, couriers, last_courier, returned, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS n FROM (
    SELECT window_start, window_end, depot, SUM(grams) AS total, AVG(grams) AS mean, MIN(grams) AS least, MAX(grams) AS most,
           COUNT(DISTINCT courier) AS couriers, LAST_VALUE(courier) AS last_courier,
           COUNT(*) FILTER (WHERE grams < 0) AS returned
    FROM TABLE(TUMBLE(TABLE parcels, DESCRIPTOR(seen), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, depot))
WHERE n <= 10;
INSERT INTO heavy
SELECT depot, heavy, n FROM (
  SELECT *, RANK() OVER (ORDER BY heavy DESC) AS n FROM (
    SELECT depot, COUNT(*) AS heavy FROM parcels WHERE grams >= 100 GROUP BY depot))
WHERE n <= 10;
