-- Each half of a change is judged by itself, window by window, against what its partition showed before the record.
CREATE TABLE readings (
  meter INT, at TIMESTAMP_LTZ(3), street STRING, litres INT,
  PRIMARY KEY (meter) NOT ENFORCED, WATERMARK FOR at AS at
) WITH (
  'connector' = 'kafka', 'topic' = 'readings', 'properties.bootstrap.servers' = 'k:9092', 'changelog' = 'upsert',
  'key.format' = 'json', 'key.fields' = 'meter', 'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY'
);
INSERT INTO streets
SELECT window_start, window_end, street, litres, meters, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY litres DESC) AS n FROM (
    SELECT window_start, window_end, street, SUM(litres) AS litres, COUNT(*) AS meters
    FROM TABLE(HOP(TABLE readings, DESCRIPTOR(at), INTERVAL '30' MINUTE, INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, street))
WHERE n <= 10;
