-- What is there at the first start is in the order of its keys: nothing of it is late.
CREATE TABLE boxes (
  box INT, packed TIMESTAMP_LTZ(3), dock STRING, weight INT,
  PRIMARY KEY (box) NOT ENFORCED, WATERMARK FOR packed AS packed
) WITH ('changelog' = 'upsert', 'format' = 'json', 'scan.bootstrap' = 'unordered');
INSERT INTO docks
SELECT window_start, window_end, dock, weight, boxes, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY weight DESC) AS n FROM (
    SELECT window_start, window_end, dock, SUM(weight) AS weight, COUNT(*) AS boxes
    FROM TABLE(TUMBLE(TABLE boxes, DESCRIPTOR(packed), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, dock))
WHERE n <= 3;
