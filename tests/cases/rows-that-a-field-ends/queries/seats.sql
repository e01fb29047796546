-- Values alone: the key is among their columns, and a field says that a row has ended.
CREATE TABLE seats (
  hall STRING, seat INT, booked TIMESTAMP_LTZ(3), price DECIMAL(6, 2),
  PRIMARY KEY (hall, seat) NOT ENFORCED, WATERMARK FOR booked AS booked - INTERVAL '5' MINUTE
) WITH ('changelog' = 'upsert', 'format' = 'json', 'delete.field' = 'state', 'delete.value' = 'gone');
INSERT INTO halls
SELECT window_start, window_end, hall, taken, money, n FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY taken DESC) AS n FROM (
    SELECT window_start, window_end, hall, COUNT(*) AS taken, SUM(price) AS money
    FROM TABLE(TUMBLE(TABLE seats, DESCRIPTOR(booked), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, hall))
WHERE n <= 10;
