-- Sales and what of them came back within two days. Nothing is late. The rows are those that DuckDB gives for the same joins.
CREATE TABLE sold (
  id BIGINT, at TIMESTAMP_LTZ(3), city STRING, price DECIMAL(8, 2), pieces INT, WATERMARK FOR at AS at - INTERVAL '1' MINUTE
);
CREATE TABLE back (
  sale DECIMAL(6, 1), at TIMESTAMP_LTZ(3), reason STRING, pieces INT, WATERMARK FOR at AS at - INTERVAL '5' MINUTE
);
CREATE VIEW came_back AS
SELECT b.at AS at, s.city AS city, b.reason AS reason, b.pieces AS pieces, s.price * b.pieces AS lost, s.pieces AS of
FROM sold AS s JOIN back AS b ON s.id = b.sale AND b.at BETWEEN s.at AND s.at + INTERVAL '2' DAY
WHERE b.pieces <= s.pieces;
INSERT INTO by_city
SELECT window_start, window_end, city, lost, n, reasons, most, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY lost DESC) AS place FROM (
    SELECT window_start, window_end, city, SUM(lost) AS lost, COUNT(*) AS n, COUNT(DISTINCT reason) AS reasons, MAX(pieces) AS most
    FROM TABLE(TUMBLE(TABLE came_back, DESCRIPTOR(at), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, city))
WHERE place <= 10;
-- Of either table the later, without a window.
INSERT INTO by_reason
SELECT reason, n, pieces, place FROM (
  SELECT *, ROW_NUMBER() OVER (ORDER BY n DESC) AS place FROM (
    SELECT b.reason, COUNT(*) AS n, SUM(b.pieces) FILTER (WHERE s.city = 'Porto') AS pieces
    FROM back b JOIN sold s ON b.sale = s.id AND b.at > s.at - INTERVAL '1' HOUR AND s.at >= b.at - INTERVAL '3' DAY
    GROUP BY b.reason))
WHERE place <= 10;
