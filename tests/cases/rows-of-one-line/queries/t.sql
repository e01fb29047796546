CREATE TABLE orders (
  id INT, paid DECIMAL(10, 2), lines ARRAY<ROW<sku STRING, `at` TIMESTAMP_LTZ(3)>>
) WITH ('format' = 'json', 'json.timestamp-format.standard' = 'SQL');
INSERT INTO as_they_are
SELECT id, paid, rn FROM (SELECT id, paid, ROW_NUMBER() OVER (ORDER BY id DESC) AS rn FROM orders) WHERE rn <= 10;
INSERT INTO of_lines
SELECT id, sku, `at`, rn FROM (
  SELECT id, sku, `at`, ROW_NUMBER() OVER (ORDER BY id, sku DESC) AS rn FROM orders CROSS JOIN UNNEST(lines) AS l (sku, `at`))
WHERE rn <= 10;
