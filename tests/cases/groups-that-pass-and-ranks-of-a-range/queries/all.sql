-- Ranks of groups that pass HAVING, in every form: ranges, conditions beside the rank, values computed of measures.
CREATE TABLE catches (
  boat STRING,
  landed TIMESTAMP_LTZ(3),
  kg INT,
  eur DECIMAL(8, 2),
  WATERMARK FOR landed AS landed
);
CREATE VIEW hourly AS
  SELECT window_start, window_end, window_time, boat, SUM(kg) AS kg, COUNT(*) AS hauls, SUM(eur) / SUM(kg) AS per_kg
  FROM TABLE(TUMBLE(TABLE catches, DESCRIPTOR(landed), INTERVAL '1' HOUR))
  GROUP BY window_start, window_end, window_time, boat;

-- The second and third of those with two hauls: three of five, of which a tie takes two places.
INSERT INTO places
SELECT window_start, window_end, boat, kg, r FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY kg DESC) AS r
  FROM hourly WHERE hauls > 1)
WHERE r > 1 AND 3 >= r;

-- Beside the rank: the one that is left out has its rank all the same, and so have those behind it.
INSERT INTO beside
SELECT window_time, UPPER(boat) AS name, kg * 1000 AS grams, r FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY kg DESC) AS r FROM hourly)
WHERE r <= 3 AND boat <> 'Ada';

-- By what is computed of measures; without hauls of any weight it is an error in the value, and NULL.
INSERT INTO dearest
SELECT window_start AS hour_of_day, boat, per_kg FROM hourly
QUALIFY ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY per_kg DESC, boat) <= 2;

-- Not ranked at all.
INSERT INTO heavy
SELECT window_start, window_end, boat, kg, CASE WHEN kg >= 20 THEN 'more' ELSE 'less' END AS size
FROM hourly WHERE kg >= 10;
