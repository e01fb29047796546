-- Ranks as values and in conditions of any form, several functions over one order, rows each once.
CREATE TABLE jumps (
  who STRING,
  cm INT,
  at TIMESTAMP_LTZ(3),
  WATERMARK FOR at AS at
);
CREATE VIEW daily AS
  SELECT window_start, window_end, who, MAX(cm) AS best, COUNT(*) AS jumps
  FROM TABLE(TUMBLE(TABLE jumps, DESCRIPTOR(at), INTERVAL '1' DAY))
  GROUP BY window_start, window_end, who;

-- A value of the rank; what it reads is not shown.
INSERT INTO medals
SELECT window_start, window_end, who, CASE WHEN place = 1 THEN 'gold' ELSE 'of ' || CAST(jumps AS STRING) END AS medal, place FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY best DESC) AS place FROM daily)
WHERE place IN (1, 4);

-- Three functions over one order: the one that is limited is the rank of the row.
INSERT INTO places
SELECT window_start, window_end, who, r, dr, rn FROM (
  SELECT *, ROW_NUMBER() OVER w AS rn, RANK() OVER w AS r, DENSE_RANK() OVER w AS dr FROM daily
  WINDOW w AS (PARTITION BY window_start, window_end ORDER BY best DESC))
WHERE dr <= 2;

-- Beside a range of it; by the numbers of columns.
INSERT INTO odd
SELECT who, COUNT(*) AS n, ROW_NUMBER() OVER (ORDER BY COUNT(*) DESC) AS place FROM jumps GROUP BY 1
QUALIFY place <= 3 AND place <> 2 OR who IS NULL;

INSERT INTO longest
SELECT who, MAX(cm) AS best FROM jumps GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2;

-- Each once, NULL too.
INSERT INTO jumpers
SELECT DISTINCT window_start, window_end, UPPER(who) AS who
FROM TABLE(TUMBLE(TABLE jumps, DESCRIPTOR(at), INTERVAL '1' DAY)) WHERE cm > 100;

INSERT INTO heights
SELECT cm FROM jumps WHERE who = 'ann' UNION SELECT cm + 10 FROM jumps WHERE who IS NULL;

-- Final rows alone.
INSERT INTO when_done
SELECT /*+ OPTIONS('emit.provisional'='none') */ window_start, window_end, COUNT(*) AS n
FROM TABLE(TUMBLE(TABLE jumps, DESCRIPTOR(at), INTERVAL '1' DAY)) GROUP BY window_start, window_end;
