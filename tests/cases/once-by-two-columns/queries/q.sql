-- A record whose whole key came within an hour before is not counted again.
CREATE TABLE taps (
  gate INT, card STRING, at TIMESTAMP_LTZ(3), PRIMARY KEY (gate, card) NOT ENFORCED, WATERMARK FOR at AS at - INTERVAL '2' HOUR
) WITH ('dedup.within' = '1h');
SELECT gate, n, rn FROM (
  SELECT gate, n, ROW_NUMBER() OVER (ORDER BY n DESC) AS rn FROM (SELECT gate, COUNT(*) AS n FROM taps GROUP BY gate))
WHERE rn <= 9;
