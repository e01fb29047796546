-- On 25 October 2026 the clocks of Lisbon are put back from 02:00 to 01:00: the day has 25 hours.
CREATE TABLE taps (gate STRING, at TIMESTAMP_LTZ(3), n INT, WATERMARK FOR at AS at - INTERVAL '1' MINUTE);
-- No zone's: its windows are in UTC.
CREATE TABLE plain (gate STRING, at TIMESTAMP(3), n INT, WATERMARK FOR at AS at - INTERVAL '1' MINUTE) WITH ('format' = 'json', 'json.timestamp-format.standard' = 'SQL');
INSERT INTO a_day
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(TUMBLE(TABLE taps, DESCRIPTOR(at), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO b_two_hours
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(TUMBLE(TABLE taps, DESCRIPTOR(at), INTERVAL '2' HOURS))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO c_growing
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(CUMULATE(TABLE taps, DESCRIPTOR(at), INTERVAL '12' HOURS, INTERVAL '1' DAY))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO d_two_days
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(HOP(TABLE taps, DESCRIPTOR(at), INTERVAL '1' DAY, INTERVAL '2' DAYS))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO e_month
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(TUMBLE(TABLE taps, DESCRIPTOR(at), INTERVAL '1' MONTH))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO f_utc
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(TUMBLE(TABLE plain, DESCRIPTOR(at), INTERVAL '1' DAY))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
