CREATE TABLE taps (gate STRING, at TIMESTAMP_LTZ(3), n INT, WATERMARK FOR at AS at - INTERVAL '1' MINUTE);
INSERT INTO a_week
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(TUMBLE(TABLE taps, DESCRIPTOR(at), INTERVAL '1' WEEK))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO b_seven_days
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(TUMBLE(TABLE taps, DESCRIPTOR(at), INTERVAL '7' DAYS))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO c_two_months
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(TUMBLE(TABLE taps, DESCRIPTOR(at), INTERVAL '2' MONTHS))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO d_quarter
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(TUMBLE(taps, at, INTERVAL '1 quarter'))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO e_year
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(HOP(TABLE taps, DESCRIPTOR(at), INTERVAL '1' QUARTER, INTERVAL '1' YEAR))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO f_fortnight
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(CUMULATE(TABLE taps, DESCRIPTOR(at), INTERVAL '1' WEEK, INTERVAL '2' WEEKS))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO g_later
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(TUMBLE(TABLE taps, DESCRIPTOR(at), INTERVAL '1' DAY, INTERVAL '6' HOURS))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO h_named
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(HOP(DATA => TABLE taps, TIMECOL => DESCRIPTOR(at), `OFFSET` => INTERVAL '-15' MINUTES, SIZE => INTERVAL '1' HOUR, SLIDE => INTERVAL '30' MINUTES))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
INSERT INTO i_growing
SELECT window_start, window_end, gate, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, gate, SUM(n) AS total
    FROM TABLE(CUMULATE(DATA => TABLE taps, TIMECOL => DESCRIPTOR(at), STEP => INTERVAL '30' MINUTES, SIZE => INTERVAL '1' HOUR, OFFSET => INTERVAL '10' MINUTES))
    GROUP BY window_start, window_end, gate))
WHERE place <= 2;
