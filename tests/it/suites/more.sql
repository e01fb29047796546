-- More shapes of what the public suites try, as their users write them: our own words, over our own rows. `-- SUITE: shape | columns`, the query,
-- and where Postgres gets another text, that. Columns, windows and rows are as in `shapes.rs`.

-- Flink: within a key, of tumbling groups | w k g c rn
SELECT window_start, window_end, k, g, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY c DESC, g NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, g, COUNT(*) AS c FROM {tumble 2 hours} GROUP BY window_start, window_end, k, g) AS g) AS r WHERE rn <= 1;

-- Flink: within a key, of hopping groups | w k g c rn
SELECT window_start, window_end, k, g, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY c DESC, g NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, g, COUNT(*) AS c FROM {hop 1 hour 2 hours} GROUP BY window_start, window_end, k, g) AS g) AS r WHERE rn <= 1;

-- Flink: within a key, of cumulating groups | w k g c rn
SELECT window_start, window_end, k, g, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY c, g NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, g, COUNT(*) AS c FROM {cumulate 1 hour 2 hours} GROUP BY window_start, window_end, k, g) AS g) AS r WHERE rn <= 2;

-- Flink: within two keys | w k g auction c rn
SELECT window_start, window_end, k, g, auction, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k, g ORDER BY c DESC, auction) AS rn FROM (SELECT window_start, window_end, k, g, auction, COUNT(*) AS c FROM {tumble 2 hours} GROUP BY window_start, window_end, k, g, auction) AS g) AS r WHERE rn <= 1;

-- Flink: by two measures | w k c m rn
SELECT window_start, window_end, k, c, m, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, m DESC NULLS LAST, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c, MAX(price) AS m FROM {tumble 1 hour} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 2;

-- Flink: ascending | w k m rn
SELECT window_start, window_end, k, m, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY m NULLS LAST, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, MIN(price) AS m FROM {tumble 2 hours} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 3;

-- Flink: RANK of hopping groups | w auction c rn
SELECT window_start, window_end, auction, c, rn FROM (SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY c DESC) AS rn FROM (SELECT window_start, window_end, auction, COUNT(*) AS c FROM {hop 1 hour 3 hours} GROUP BY window_start, window_end, auction) AS g) AS r WHERE rn <= 1;

-- Flink: DENSE_RANK of cumulating groups | w auction c rn
SELECT window_start, window_end, auction, c, rn FROM (SELECT *, DENSE_RANK() OVER (PARTITION BY window_start, window_end ORDER BY c DESC) AS rn FROM (SELECT window_start, window_end, auction, COUNT(*) AS c FROM {cumulate 1 hour 4 hours} GROUP BY window_start, window_end, auction) AS g) AS r WHERE rn <= 2;

-- Flink: HAVING below the rank | w k c rn
SELECT window_start, window_end, k, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, k HAVING COUNT(*) > 1) AS g) AS r WHERE rn <= 3;

-- Flink: HAVING by what is not selected | w k c
SELECT window_start, window_end, k, COUNT(*) AS c FROM {hop 1 hour 2 hours} GROUP BY window_start, window_end, k HAVING SUM(qty) > 6;

-- Flink: computed between groups and rank | w k twice rn
SELECT window_start, window_end, k, twice, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY twice DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, c * 2 + 1 AS twice FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, k) AS a) AS g) AS r WHERE rn <= 2;

-- Flink: computed behind the rank | w k c x rn
SELECT window_start, window_end, k, c, rn, c * 10 + rn AS x FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 2;

-- Flink: tumbling, without the rank in the result | w k c
SELECT window_start, window_end, k, c FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 2;

-- Flink: hopping, without the rank in the result | w k c
SELECT window_start, window_end, k, c FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {hop 2 hours 4 hours} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 2;

-- Flink: cumulating, without the rank in the result | w k c
SELECT window_start, window_end, k, c FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {cumulate 2 hours 6 hours} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 2;

-- Flink: BETWEEN ranks | w k c rn
SELECT window_start, window_end, k, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {hop 1 hour 2 hours} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn BETWEEN 2 AND 3;

-- Flink: sides exchanged | w k c rn
SELECT window_start, window_end, k, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {tumble 2 hours} GROUP BY window_start, window_end, k) AS g) AS r WHERE 2 <= rn AND 4 > rn;

-- Flink: a condition beside the rank | w k c rn
SELECT window_start, window_end, k, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {tumble 2 hours} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 3 AND k = 'ann';

-- Flink: a condition on a measure beside the rank | w k c rn
SELECT window_start, window_end, k, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {cumulate 1 hour 2 hours} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 3 AND c > 2;

-- Flink: COUNT DISTINCT in hopping windows | w g d rn
SELECT window_start, window_end, g, d, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY d DESC, g NULLS FIRST) AS rn FROM (SELECT window_start, window_end, g, COUNT(DISTINCT k) AS d FROM {hop 1 hour 3 hours} GROUP BY window_start, window_end, g) AS g) AS r WHERE rn <= 2;

-- Flink: measures with FILTER | w k a b rn
SELECT window_start, window_end, k, a, b, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY a DESC, b DESC NULLS LAST, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) FILTER (WHERE g = 'x') AS a, SUM(price) FILTER (WHERE qty > 1) AS b FROM {tumble 2 hours} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 3;

-- Flink: rows of cumulating windows, the last of each key | w id k
SELECT window_start, window_end, id, k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY at DESC, id) AS rn FROM {cumulate 1 hour 4 hours}) AS r WHERE rn = 1;

-- Flink: rows of hopping windows, the first of each key | w id k
SELECT window_start, window_end, id, k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k ORDER BY at, id) AS rn FROM {hop 1 hour 2 hours}) AS r WHERE rn = 1;

-- Flink: rows of tumbling windows by two keys | w id k g rn
SELECT window_start, window_end, id, k, g, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, k, g ORDER BY price DESC NULLS LAST, id) AS rn FROM {tumble 2 hours}) AS r WHERE rn <= 2;

-- Flink: RANK of rows in windows | w id qty rn
SELECT window_start, window_end, id, qty, rn FROM (SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY qty DESC NULLS LAST) AS rn FROM {tumble 1 hour}) AS r WHERE rn <= 2;

-- Flink: DENSE_RANK of rows in hopping windows | w id qty rn
SELECT window_start, window_end, id, qty, rn FROM (SELECT *, DENSE_RANK() OVER (PARTITION BY window_start, window_end ORDER BY qty NULLS FIRST) AS rn FROM {hop 1 hour 2 hours}) AS r WHERE rn <= 2;

-- Flink: rows of windows, filtered | w id price rn
SELECT window_start, window_end, id, price, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC NULLS LAST, id) AS rn FROM (SELECT window_start, window_end, id, price FROM {tumble 1 hour} WHERE g = 'x' OR qty >= 3) AS g) AS r WHERE rn <= 2;

-- Flink: a key that is computed | w u c rn
SELECT window_start, window_end, u, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, u NULLS FIRST) AS rn FROM (SELECT window_start, window_end, UPPER(k) AS u, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, UPPER(k)) AS g) AS r WHERE rn <= 2;

-- Flink: a key by CASE | w kind c
SELECT window_start, window_end, CASE WHEN qty > 2 THEN 'many' WHEN qty IS NULL THEN 'none' ELSE 'few' END AS kind, COUNT(*) AS c FROM {tumble 2 hours} GROUP BY window_start, window_end, CASE WHEN qty > 2 THEN 'many' WHEN qty IS NULL THEN 'none' ELSE 'few' END;

-- Flink: a key by COALESCE | w kk c rn
SELECT window_start, window_end, kk, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, kk) AS rn FROM (SELECT window_start, window_end, COALESCE(k, 'nobody') AS kk, COUNT(*) AS c FROM {tumble 2 hours} GROUP BY window_start, window_end, COALESCE(k, 'nobody')) AS g) AS r WHERE rn <= 2;

-- Flink: windows alone | w c s
SELECT window_start, window_end, COUNT(*) AS c, SUM(price) AS s FROM {tumble 30 minutes} GROUP BY window_start, window_end;

-- Flink: windows alone, ranked by what they come to | w c
SELECT window_start, window_end, c FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c) AS rn FROM (SELECT window_start, window_end, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end) AS g) AS r WHERE rn <= 1;

-- Flink: keys without a measure | w k g
SELECT window_start, window_end, k, g FROM {tumble 2 hours} GROUP BY window_start, window_end, k, g;

-- Flink: rows of windows once | w k
SELECT DISTINCT window_start, window_end, k FROM {tumble 1 hour};

-- Flink: LIKE, IN and BETWEEN in WHERE | k c
SELECT k, COUNT(*) AS c FROM bids WHERE k LIKE '%n%' AND qty IN (1, 2, 5) AND price BETWEEN 1.5 AND 20 GROUP BY k;

-- Flink: IS NOT DISTINCT FROM | k c
SELECT k, COUNT(*) AS c FROM bids WHERE g IS NOT DISTINCT FROM NULL GROUP BY k;

-- Flink: measures over all rows | c s mn mx
SELECT COUNT(*) AS c, SUM(qty) AS s, MIN(price) AS mn, MAX(price) AS mx FROM bids;

-- Flink: what is counted of NULL | k a b c
SELECT k, COUNT(*) AS a, COUNT(qty) AS b, COUNT(DISTINCT qty) AS c FROM bids GROUP BY k;

-- Flink: arithmetic over measures | k x
SELECT k, SUM(qty) * 2 - COUNT(*) AS x FROM bids GROUP BY k;

-- Flink: a rank by arithmetic over measures | k x rn
SELECT k, x, rn FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY x DESC NULLS LAST, k NULLS FIRST) AS rn FROM (SELECT k, SUM(qty) + COUNT(*) AS x FROM bids GROUP BY k) AS g) AS r WHERE rn <= 3;

-- Flink: of all time, within a key | k g s rn
SELECT k, g, s, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY s DESC NULLS LAST, g NULLS FIRST) AS rn FROM (SELECT k, g, SUM(qty) AS s FROM bids GROUP BY k, g) AS g) AS r WHERE rn <= 1;

-- Flink: of all time, RANK of groups | auction c rn
SELECT auction, c, rn FROM (SELECT *, RANK() OVER (ORDER BY c DESC) AS rn FROM (SELECT auction, COUNT(*) AS c FROM bids GROUP BY auction) AS g) AS r WHERE rn <= 2;

-- Flink: the last row of each key, of all time | id k
SELECT id, k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY at DESC, id) AS rn FROM bids) AS r WHERE rn = 1;

-- Flink: the first row of each key, of all time | id k
SELECT id, k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY at, id) AS rn FROM bids) AS r WHERE rn = 1;

-- Flink: the last row of two keys, filtered above | id k g
SELECT id, k, g FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k, g ORDER BY at DESC, id) AS rn FROM bids) AS r WHERE rn = 1 AND qty > 1;

-- Flink: groups of the last rows of each key | g c
SELECT g, COUNT(*) AS c FROM (SELECT id, k, g FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY at DESC, id) AS rn FROM bids) AS r WHERE rn = 1) AS l GROUP BY g;

-- Flink: groups of the best of windows | w s
SELECT window_start, window_end, SUM(c) AS s FROM (SELECT window_start, window_end, k, c FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 2) AS b GROUP BY window_start, window_end;

-- Flink: a rank of the best within windows | w k c rn
SELECT window_start, window_end, k, c, r2 AS rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c, k NULLS FIRST) AS r2 FROM (SELECT window_start, window_end, k, c FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 3) AS b) AS r WHERE r2 <= 1;

-- Flink: a WITH of windows, ranked | w k c rn
WITH hourly AS (SELECT window_start, window_end, k, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, k) SELECT window_start, window_end, k, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM hourly) AS r WHERE rn <= 2;

-- Flink: QUALIFY over a subselect | k c rn
SELECT k, c, ROW_NUMBER() OVER (ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT k, COUNT(*) AS c FROM bids GROUP BY k) AS g QUALIFY rn BETWEEN 2 AND 4;
-- Postgres:
SELECT * FROM (SELECT k, c, ROW_NUMBER() OVER (ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT k, COUNT(*) AS c FROM bids GROUP BY k) AS g) AS q WHERE rn BETWEEN 2 AND 4;

-- Flink: AVG of decimals | k a
SELECT k, AVG(price) AS a FROM bids GROUP BY k;
-- Postgres:
SELECT k, round(AVG(price), 2) AS a FROM bids GROUP BY k;

-- Flink: windows of windows, cumulating | w most
WITH h AS (SELECT window_time AS rt, k, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, window_time, k) SELECT window_start, window_end, MAX(c) AS most FROM TABLE(CUMULATE(TABLE h, DESCRIPTOR(rt), INTERVAL '1' HOUR, INTERVAL '2' HOUR)) GROUP BY window_start, window_end;
-- Postgres:
SELECT s AS window_start, s + i * interval '1 hour' AS window_end, MAX(c) AS most FROM (SELECT date_bin('2 hours', window_start, timestamp '1970-01-01') AS s, window_start AS ws, c FROM (SELECT window_start, k, COUNT(*) AS c FROM {tumble 1 hour} GROUP BY window_start, k) AS h) AS b, generate_series(1, 2) AS i WHERE ws < s + i * interval '1 hour' GROUP BY 1, 2;

-- Flink: CUBE | k g c
SELECT k, g, COUNT(*) AS c FROM bids GROUP BY CUBE (k, g);

-- Flink: ROLLUP | k g c
SELECT k, g, COUNT(*) AS c FROM bids GROUP BY ROLLUP (k, g);

-- Flink: a sum over a range of time | id a
SELECT id, SUM(qty) OVER (ORDER BY at RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW) AS a FROM bids;

-- Flink: a window joined with a window | w k
SELECT a.window_start, a.window_end, a.k FROM {tumble 1 hour} AS a JOIN {tumble 1 hour} AS b ON a.window_start = b.window_start AND a.k = b.k;

-- Flink: MATCH_RECOGNIZE | k
SELECT k FROM bids MATCH_RECOGNIZE (PARTITION BY k ORDER BY at MEASURES A.id AS i PATTERN (A B) DEFINE B AS B.qty > A.qty) AS m;

-- Flink: EXISTS | k c
SELECT k, COUNT(*) AS c FROM bids AS b WHERE EXISTS (SELECT 1 FROM items AS i WHERE i.seller = b.k) GROUP BY k;

-- Flink: INTERSECT | k
SELECT k FROM bids INTERSECT SELECT seller FROM items;

-- Flink: LISTAGG | k l
SELECT k, LISTAGG(g) AS l FROM bids GROUP BY k;

-- RisingWave: a row number below | id k rn
SELECT id, k, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY qty DESC NULLS LAST, id) AS rn FROM bids) AS r WHERE rn < 3;

-- RisingWave: one row number | id k rn
SELECT id, k, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY qty DESC NULLS LAST, id) AS rn FROM bids) AS r WHERE rn = 2;

-- RisingWave: a range of row numbers by AND | id k rn
SELECT id, k, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY price NULLS FIRST, id) AS rn FROM bids) AS r WHERE rn >= 2 AND rn <= 4;

-- RisingWave: row numbers that are not next to each other | id k rn
SELECT id, k, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY price NULLS FIRST, id) AS rn FROM bids) AS r WHERE rn <= 2 OR rn = 4;

-- RisingWave: row numbers in a list | id k rn
SELECT id, k, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY price NULLS FIRST, id) AS rn FROM bids) AS r WHERE rn IN (1, 3);

-- RisingWave: partitioned by two columns | id k g rn
SELECT id, k, g, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k, g ORDER BY qty NULLS FIRST, id) AS rn FROM bids) AS r WHERE rn <= 1;

-- RisingWave: not partitioned | id price rn
SELECT id, price, rn FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY price DESC NULLS LAST, id) AS rn FROM bids) AS r WHERE rn <= 7;

-- RisingWave: partitioned by an expression | id q rn
SELECT id, q, rn FROM (SELECT id, qty % 2 AS q, row_number() OVER (PARTITION BY qty % 2 ORDER BY price DESC NULLS LAST, id) AS rn FROM bids) AS r WHERE rn <= 2;

-- RisingWave: ordered by an expression | id rn
SELECT id, rn FROM (SELECT id, row_number() OVER (ORDER BY qty * price DESC NULLS LAST, id) AS rn FROM bids) AS r WHERE rn <= 5;

-- RisingWave: ordered by several columns both ways | id rn
SELECT id, rn FROM (SELECT id, row_number() OVER (ORDER BY g DESC NULLS FIRST, k NULLS LAST, price DESC NULLS LAST, id) AS rn FROM bids) AS r WHERE rn <= 9;

-- RisingWave: rank between | id qty rn
SELECT id, qty, rn FROM (SELECT *, rank() OVER (PARTITION BY g ORDER BY qty DESC NULLS LAST) AS rn FROM bids) AS r WHERE rn BETWEEN 2 AND 12;

-- RisingWave: dense_rank, one | id price rn
SELECT id, price, rn FROM (SELECT *, dense_rank() OVER (ORDER BY price DESC NULLS LAST) AS rn FROM bids) AS r WHERE rn = 3;

-- RisingWave: ORDER BY of groups, LIMIT | k c
SELECT k, count(*) AS c FROM bids GROUP BY k ORDER BY c DESC, k NULLS FIRST LIMIT 2;

-- RisingWave: ORDER BY of groups, LIMIT OFFSET | k c
SELECT k, count(*) AS c FROM bids GROUP BY k ORDER BY c DESC, k NULLS FIRST LIMIT 2 OFFSET 1;

-- RisingWave: FETCH FIRST n ROWS ONLY | id
SELECT id FROM bids ORDER BY price DESC NULLS LAST, id FETCH FIRST 6 ROWS ONLY;

-- RisingWave: LIMIT over a subquery with its own | id qty
SELECT id, qty FROM (SELECT id, qty FROM bids ORDER BY qty DESC NULLS LAST, id LIMIT 10) AS t ORDER BY qty, id LIMIT 3;

-- RisingWave: a row number over an aggregation | k s rn
SELECT k, s, rn FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY s DESC NULLS LAST, k NULLS FIRST) AS rn FROM (SELECT k, sum(price) AS s FROM bids GROUP BY k) AS g) AS r WHERE rn <= 2;

-- RisingWave: an aggregation over row numbers | k s
SELECT k, sum(qty) AS s FROM (SELECT id, k, qty FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY price DESC NULLS LAST, id) AS rn FROM bids) AS r WHERE rn <= 3) AS t GROUP BY k;

-- RisingWave: a row number over row numbers | id rn
SELECT id, r2 AS rn FROM (SELECT *, row_number() OVER (ORDER BY price NULLS LAST, id) AS r2 FROM (SELECT * FROM (SELECT id, k, price, row_number() OVER (PARTITION BY k ORDER BY price DESC NULLS LAST, id) AS r1 FROM bids) AS a WHERE r1 <= 2) AS b) AS c WHERE r2 <= 3;

-- RisingWave: a row number within tumbling windows | w id rn
SELECT window_start, window_end, id, rn FROM (SELECT window_start, window_end, id, row_number() OVER (PARTITION BY window_start, window_end ORDER BY price DESC NULLS LAST, id) AS rn FROM tumble(bids, at, INTERVAL '1 hour')) AS r WHERE rn <= 2;
-- Postgres:
SELECT window_start, window_end, id, rn FROM (SELECT window_start, window_end, id, row_number() OVER (PARTITION BY window_start ORDER BY price DESC NULLS LAST, id) AS rn FROM {tumble 1 hour}) AS r WHERE rn <= 2;

-- RisingWave: a row number within the start of windows | w k c rn
SELECT window_start, window_end, k, c, rn FROM (SELECT *, row_number() OVER (PARTITION BY window_start ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, count(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 2;

-- RisingWave: groups by an expression | q c
SELECT qty + 1 AS q, count(*) AS c FROM bids GROUP BY qty + 1;

-- RisingWave: groups by a boolean | b c
SELECT price > 10 AS b, count(*) AS c FROM bids GROUP BY price > 10;

-- RisingWave: min and max of texts | g a b
SELECT g, min(k) AS a, max(k) AS b FROM bids GROUP BY g;

-- RisingWave: min and max of times | g a b
SELECT g, EXTRACT(HOUR FROM min(at)) AS a, EXTRACT(HOUR FROM max(at)) AS b FROM bids GROUP BY g;

-- RisingWave: sum of a CASE | k s
SELECT k, sum(CASE WHEN g = 'x' THEN qty ELSE 0 END) AS s FROM bids GROUP BY k;

-- RisingWave: count of distinct expressions | g c
SELECT g, count(DISTINCT qty % 2) AS c FROM bids GROUP BY g;

-- RisingWave: sum of distinct values | g s
SELECT g, sum(DISTINCT qty) AS s FROM bids GROUP BY g;

-- RisingWave: HAVING over an expression of measures | k c
SELECT k, count(*) AS c FROM bids GROUP BY k HAVING sum(qty) / count(*) >= 2;

-- RisingWave: UNION ALL of groups' rows | k c
SELECT k, count(*) AS c FROM (SELECT k FROM bids WHERE qty = 1 UNION ALL SELECT k FROM bids WHERE qty = 2) AS u GROUP BY k;

-- RisingWave: EXCEPT | k
SELECT k FROM bids EXCEPT SELECT seller FROM items;

-- RisingWave: unnest with ordinality | tag o
SELECT tag, o FROM items CROSS JOIN unnest(tags) WITH ORDINALITY AS t (tag, o) GROUP BY tag, o;

-- RisingWave: first_value over a partition | id f
SELECT id, first_value(id) OVER (PARTITION BY k ORDER BY price, id) AS f FROM bids;

-- RisingWave: last_value over a partition | id f
SELECT id, last_value(id) OVER (PARTITION BY k ORDER BY price, id) AS f FROM bids;

-- RisingWave: ntile | id f
SELECT id, ntile(4) OVER (ORDER BY id) AS f FROM bids;

-- RisingWave: percent_rank | id f
SELECT id, percent_rank() OVER (ORDER BY id) AS f FROM bids;

-- RisingWave: a count over all | id c
SELECT id, count(*) OVER () AS c FROM bids;

-- RisingWave: string_agg | k s
SELECT k, string_agg(g, ',') AS s FROM bids GROUP BY k;

-- RisingWave: array_agg | k s
SELECT k, array_agg(qty) AS s FROM bids GROUP BY k;

-- RisingWave: mode | k m
SELECT k, mode() WITHIN GROUP (ORDER BY qty) AS m FROM bids GROUP BY k;

-- RisingWave: bool_and | k b
SELECT k, bool_and(qty > 1) AS b FROM bids GROUP BY k;

-- RisingWave: EMIT ON WINDOW CLOSE | w c
SELECT window_start, window_end, count(*) AS c FROM tumble(bids, at, INTERVAL '1 hour') GROUP BY window_start, window_end EMIT ON WINDOW CLOSE;
-- Postgres:
SELECT window_start, window_end, count(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end;

-- Materialize: the greatest by MAX and its key | g m
SELECT g, MAX(price) AS m FROM bids WHERE price IS NOT NULL GROUP BY g;

-- Materialize: the least and the greatest together | g a b c
SELECT g, MIN(price) AS a, MAX(price) AS b, COUNT(*) AS c FROM bids GROUP BY g;

-- Materialize: the top of all by LIMIT | id price
SELECT id, price FROM bids ORDER BY price DESC NULLS LAST, id LIMIT 5;

-- Materialize: the top of all behind an OFFSET | id price
SELECT id, price FROM bids ORDER BY price DESC NULLS LAST, id LIMIT 5 OFFSET 5;

-- Materialize: DISTINCT ON two columns | k g id
SELECT DISTINCT ON (k, g) k, g, id FROM bids ORDER BY k, g, price DESC NULLS LAST, id;

-- Materialize: rank within each group | id k rn
SELECT id, k, rank() OVER (PARTITION BY k ORDER BY qty DESC NULLS LAST) AS rn FROM bids;

-- Materialize: dense_rank within each group | id k rn
SELECT id, k, dense_rank() OVER (PARTITION BY k ORDER BY qty DESC NULLS LAST) AS rn FROM bids;

-- Materialize: a CTE over a CTE | k c
WITH a AS (SELECT k, qty FROM bids WHERE qty > 1), b AS (SELECT k, qty * 2 AS q FROM a) SELECT k, COUNT(*) AS c FROM b WHERE q > 4 GROUP BY k;

-- Materialize: HAVING beside a filter | g s
SELECT g, SUM(price) AS s FROM bids WHERE k <> 'ann' GROUP BY g HAVING COUNT(*) > 10;

-- Materialize: by the day | c
SELECT date_trunc('day', at) AS d, count(*) AS c FROM bids GROUP BY 1;

-- Materialize: a count of groups | n
SELECT COUNT(*) AS n FROM (SELECT k, g, COUNT(*) AS c FROM bids GROUP BY k, g HAVING COUNT(*) > 5) AS t;

-- Materialize: the greatest of sums | m
SELECT MAX(s) AS m FROM (SELECT k, SUM(price) AS s FROM bids GROUP BY k) AS t;

-- Materialize: groups as a table of their own, filtered | k c
SELECT k, c FROM (SELECT k, COUNT(*) AS c FROM bids GROUP BY k) AS t WHERE c > 20;

-- Materialize: mz_now() | k c
SELECT k, COUNT(*) AS c FROM bids WHERE mz_now() <= at + INTERVAL '1 day' GROUP BY k;

-- Materialize: OPTIONS (LIMIT INPUT GROUP SIZE) | k
SELECT DISTINCT ON (k) k, id FROM bids OPTIONS (DISTINCT ON INPUT GROUP SIZE = 10) ORDER BY k, id;

-- Materialize: WITH MUTUALLY RECURSIVE | k
WITH MUTUALLY RECURSIVE r (k STRING) AS (SELECT k FROM bids UNION SELECT k FROM r) SELECT k FROM r;

-- Materialize: a scalar subquery | k c
SELECT k, COUNT(*) AS c FROM bids GROUP BY k HAVING COUNT(*) > (SELECT COUNT(*) / 5 FROM bids);

-- Arroyo: top of tumbling windows | w k c rn
SELECT window_start, window_end, k, c, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, count(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn <= 3;

-- Arroyo: one rank of hopping windows | w k c
SELECT window_start, window_end, k, c FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY c DESC, k NULLS FIRST) AS rn FROM (SELECT window_start, window_end, k, count(*) AS c FROM {hop 1 hour 2 hours} GROUP BY window_start, window_end, k) AS g) AS r WHERE rn = 1;

-- Arroyo: measures of tumbling windows | w k s a b
SELECT window_start, window_end, k, sum(qty) AS s, min(price) AS a, max(price) AS b FROM {tumble 2 hours} GROUP BY window_start, window_end, k;

-- Arroyo: groups without a window | k c
SELECT k, count(*) AS c FROM bids WHERE k IS NOT NULL GROUP BY k;

-- Arroyo: HAVING in windows | w k c
SELECT window_start, window_end, k, count(*) AS c FROM {tumble 1 hour} GROUP BY window_start, window_end, k HAVING count(*) >= 3;

-- Arroyo: hop as a column | k c
SELECT k, count(*) AS c, hop(interval '1 hour', interval '2 hours') AS w FROM bids GROUP BY k, w;

-- Arroyo: session as a column | k c
SELECT k, count(*) AS c, session(interval '1 hour') AS w FROM bids GROUP BY k, w;

-- Feldera: the top by ROW_NUMBER, of a view | id g
WITH v AS (SELECT id, g, price FROM bids WHERE price > 2) SELECT id, g FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY g ORDER BY price DESC, id) AS rn FROM v) AS r WHERE rn <= 3;

-- Feldera: RANK, one | id qty
SELECT id, qty FROM (SELECT *, RANK() OVER (PARTITION BY k ORDER BY qty DESC NULLS LAST) AS rn FROM bids) AS r WHERE rn = 1;

-- Feldera: DENSE_RANK up to | id qty rn
SELECT id, qty, rn FROM (SELECT *, DENSE_RANK() OVER (ORDER BY qty DESC NULLS LAST) AS rn FROM bids) AS r WHERE rn <= 2;

-- Feldera: ARG_MIN | g m
SELECT g, ARG_MIN(id, id) AS m FROM bids GROUP BY g;
-- Postgres:
SELECT g, MIN(id) AS m FROM bids GROUP BY g;

-- Feldera: hopping windows by name | w c
SELECT window_start, window_end, COUNT(*) AS c FROM TABLE(HOP(DATA => TABLE bids, TIMECOL => DESCRIPTOR(at), SLIDE => INTERVAL '1' HOUR, SIZE => INTERVAL '2' HOUR)) GROUP BY window_start, window_end;
-- Postgres:
SELECT window_start, window_end, COUNT(*) AS c FROM {hop 1 hour 2 hours} GROUP BY window_start, window_end;

-- Feldera: STDDEV and AVG | g a
SELECT g, STDDEV_POP(qty) AS a FROM bids GROUP BY g;
-- Postgres:
SELECT g, round(STDDEV_POP(qty), 6) AS a FROM bids GROUP BY g;

-- Feldera: QUALIFY | id rn
SELECT id, ROW_NUMBER() OVER (PARTITION BY g ORDER BY price DESC NULLS LAST, id) AS rn FROM bids QUALIFY rn <= 2;
-- Postgres:
SELECT * FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY g ORDER BY price DESC NULLS LAST, id) AS rn FROM bids) AS q WHERE rn <= 2;

-- Feldera: SELECT DISTINCT of an expression | q
SELECT DISTINCT qty * 2 AS q FROM bids;

-- Feldera: COUNT with FILTER | k a b
SELECT k, COUNT(*) FILTER (WHERE qty > 2) AS a, COUNT(qty) FILTER (WHERE g IS NULL) AS b FROM bids GROUP BY k;

-- Feldera: lag | id a
SELECT id, LAG(qty) OVER (PARTITION BY k ORDER BY id) AS a FROM bids;

-- Feldera: a sum over a range | id a
SELECT id, SUM(qty) OVER (PARTITION BY k ORDER BY id RANGE BETWEEN 10 PRECEDING AND CURRENT ROW) AS a FROM bids;

-- ksqlDB: GROUP BY | k c s
SELECT k, COUNT(*) AS c, SUM(qty) AS s FROM bids GROUP BY k;

-- ksqlDB: GROUP BY two columns, HAVING | k g c
SELECT k, g, COUNT(*) AS c FROM bids GROUP BY k, g HAVING COUNT(*) > 4;

-- ksqlDB: MIN, MAX | k a b
SELECT k, MIN(qty) AS a, MAX(qty) AS b FROM bids WHERE price > 5 GROUP BY k;

-- ksqlDB: HAVING over a SUM | g s
SELECT g, SUM(price) AS s FROM bids GROUP BY g HAVING SUM(price) > 100;

-- ksqlDB: COUNT_DISTINCT | k c
SELECT k, COUNT_DISTINCT(auction) AS c FROM bids GROUP BY k;

-- ksqlDB: TOPKDISTINCT | k t
SELECT k, TOPKDISTINCT(price, 3) AS t FROM bids GROUP BY k;

-- ksqlDB: LATEST_BY_OFFSET | k t
SELECT k, LATEST_BY_OFFSET(id) AS t FROM bids GROUP BY k;

-- ksqlDB: COLLECT_LIST | k t
SELECT k, COLLECT_LIST(id) AS t FROM bids GROUP BY k;

-- Nexmark: q5: the ten auctions with most bids | w auction num rn
SELECT window_start, window_end, auction, num, rn FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY num DESC, auction) AS rn FROM (SELECT window_start, window_end, auction, COUNT(*) AS num FROM {hop 30 minutes 60 minutes} GROUP BY window_start, window_end, auction) AS g) AS r WHERE rn <= 10;

-- Nexmark: q5 by the greatest count of each window | w m
SELECT window_start, window_end, MAX(num) AS m FROM (SELECT window_start, window_end, auction, COUNT(*) AS num FROM {hop 1 hour 2 hours} GROUP BY window_start, window_end, auction) AS c GROUP BY window_start, window_end;

-- Nexmark: q7 by MAX | w m
SELECT window_start, window_end, MAX(price) AS m FROM {tumble 10 minutes} GROUP BY window_start, window_end;

-- Nexmark: q7, the row by ROW_NUMBER | w id price
SELECT window_start, window_end, id, price FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY price DESC NULLS LAST, id) AS rn FROM {tumble 10 minutes}) AS r WHERE rn = 1;

-- Nexmark: q15: bids a day, by class of price | total a b
SELECT COUNT(*) AS total, COUNT(*) FILTER (WHERE price < 10) AS a, COUNT(DISTINCT k) FILTER (WHERE price >= 10) AS b FROM bids GROUP BY FLOOR(at TO DAY);
-- Postgres:
SELECT COUNT(*) AS total, COUNT(*) FILTER (WHERE price < 10) AS a, COUNT(DISTINCT k) FILTER (WHERE price >= 10) AS b FROM bids GROUP BY date_trunc('day', at);

-- Nexmark: q16: by class and day | g total a b
SELECT g, COUNT(*) AS total, COUNT(DISTINCT k) AS a, COUNT(DISTINCT auction) FILTER (WHERE price < 10) AS b FROM bids GROUP BY g, FLOOR(at TO DAY);
-- Postgres:
SELECT g, COUNT(*) AS total, COUNT(DISTINCT k) AS a, COUNT(DISTINCT auction) FILTER (WHERE price < 10) AS b FROM bids GROUP BY g, date_trunc('day', at);

-- Nexmark: q18 by its bounds of time alone | id k
SELECT id, k FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k, auction ORDER BY at DESC, id DESC) AS rn FROM bids) AS r WHERE rn <= 1;

-- Nexmark: q6: the average of the last ten | k a
SELECT k, AVG(price) OVER (PARTITION BY k ORDER BY at ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) AS a FROM bids;
