CREATE TABLE orders (
  `order`  STRING NOT NULL,
  placed   TIMESTAMP(3) NOT NULL,
  country  STRING,
  price    DECIMAL(10, 2),
  quantity INT,
  revenue  AS price * quantity,
  WATERMARK FOR placed AS placed - INTERVAL '5' MINUTE
) WITH ('format' = 'csv', 'csv.timestamp-format.standard' = 'SQL', 'unit' = 'EUR', 'noun' = 'orders');
