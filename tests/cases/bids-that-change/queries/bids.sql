-- Rows ranked as they are: the ones below come up when one above goes; a key of two partitions is one row, of the lowest.
CREATE TABLE bids (
  bid INT, placed TIMESTAMP_LTZ(3), lot STRING, eur DECIMAL(8, 2),
  PRIMARY KEY (bid) NOT ENFORCED, WATERMARK FOR placed AS placed
) WITH (
  'connector' = 'upsert-kafka', 'topic' = 'bids', 'properties.bootstrap.servers' = 'k:9092',
  'key.format' = 'json', 'value.format' = 'json', 'value.fields-include' = 'EXCEPT_KEY'
);
INSERT INTO best
SELECT window_start, window_end, bid, lot, eur, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY eur DESC) AS n
  FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(placed), INTERVAL '1' HOUR)))
WHERE n <= 3;
INSERT INTO ever
SELECT bid, lot, eur, n FROM (
  SELECT *, DENSE_RANK() OVER (PARTITION BY lot ORDER BY eur DESC) AS n FROM bids)
WHERE n <= 2;
