CREATE TABLE orders (
  id INT,
  at TIMESTAMP_LTZ(3),
  shop STRING,
  cart ROW<note STRING, tags ARRAY<STRING>>,
  lines ARRAY<ROW<sku STRING, quantity INT, price DECIMAL(10, 3), size ROW<w INT>>>,
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
);
CREATE VIEW order_lines AS
SELECT o.id, o.at, o.shop, l.sku, l.quantity * l.price AS worth, l.no
FROM orders AS o CROSS JOIN UNNEST(o.lines) WITH ORDINALITY AS l (sku, quantity, price, size, no)
WHERE l.quantity > 0;
INSERT INTO by_sku
SELECT window_start, window_end, sku, worth, lines, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY worth DESC) AS n
  FROM (
    SELECT window_start, window_end, sku, SUM(price * quantity) AS worth, COUNT(*) AS lines
    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR)) CROSS JOIN UNNEST(lines) AS line
    GROUP BY window_start, window_end, sku))
WHERE n <= 5;
INSERT INTO by_tag
SELECT window_start, window_end, tag, shops, widest, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY shops DESC) AS n
  FROM (
    SELECT window_start, window_end, tag, COUNT(DISTINCT shop) AS shops, MAX(CHAR_LENGTH(tag)) AS widest
    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR)), UNNEST(cart.tags) AS t (tag)
    WHERE tag IS NOT NULL
    GROUP BY window_start, window_end, tag))
WHERE n <= 5;
INSERT INTO by_place
SELECT window_start, window_end, no, rows_there, first_sku, shop, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY rows_there DESC, no) AS n
  FROM (
    SELECT window_start, window_end, no, COUNT(*) AS rows_there, FIRST_VALUE(sku) AS first_sku, ARG_MAX(shop, worth) AS shop
    FROM TABLE(TUMBLE(TABLE order_lines, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, no))
WHERE n <= 5;
INSERT INTO per_piece
SELECT window_start, window_end, sku, most, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY most DESC) AS n
  FROM (
    SELECT window_start, window_end, sku, MAX(size.w / quantity) AS most
    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR)) INNER JOIN UNNEST(lines) AS l ON TRUE
    GROUP BY window_start, window_end, sku))
WHERE n <= 5;
