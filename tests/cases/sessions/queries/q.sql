CREATE TABLE calls (line STRING, caller STRING, at TIMESTAMP_LTZ(3), n INT, WATERMARK FOR at AS at - INTERVAL '1' HOUR);

-- Each line has its own; lines whose sessions are the same are ranked together.
INSERT INTO a_by_line
SELECT window_start, window_end, line, caller, total, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, line, caller, SUM(n) AS total
    FROM TABLE(SESSION(TABLE calls PARTITION BY line, DESCRIPTOR(at), INTERVAL '10' MINUTES))
    GROUP BY window_start, window_end, line, caller))
WHERE place <= 2;

-- One chain for all.
INSERT INTO b_of_all
SELECT window_start, window_end, line, total, callers, place FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS place FROM (
    SELECT window_start, window_end, line, SUM(n) AS total, COUNT(DISTINCT caller) AS callers
    FROM TABLE(SESSION(DATA => TABLE calls, TIMECOL => DESCRIPTOR(at), GAP => INTERVAL '10' MINUTES))
    GROUP BY window_start, window_end, line))
WHERE place <= 2;

INSERT INTO c_by_two
SELECT window_start, window_end, line, caller, calls, place FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end, line ORDER BY calls DESC) AS place FROM (
    SELECT window_start, window_end, line, caller, COUNT(*) AS calls
    FROM SESSION(TABLE calls PARTITION BY (line, caller), DESCRIPTOR(at), INTERVAL '10' MINUTES)
    GROUP BY window_start, window_end, line, caller))
WHERE place <= 1;

-- What is computed of their bounds, and windows over their last moments.
INSERT INTO d_calls
SELECT window_start, window_end, window_time AS wt, line, SUM(n) AS total, EXTRACT(MINUTE FROM window_start) AS began
FROM TABLE(SESSION(TABLE calls PARTITION BY line, DESCRIPTOR(at), INTERVAL '10' MINUTES))
GROUP BY window_start, window_end, window_time, line;

INSERT INTO e_half_hours
SELECT window_start, window_end, COUNT(*) AS sessions, MAX(total) AS most
FROM TABLE(TUMBLE(TABLE d_calls, DESCRIPTOR(wt), INTERVAL '30' MINUTES))
GROUP BY window_start, window_end;
