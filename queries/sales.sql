-- The table that every ranking reads. Add columns here to rank by them.
CREATE TABLE sales (
  sale_id       STRING,
  event_time    TIMESTAMP_LTZ(3) NOT NULL,
  city          STRING NOT NULL,
  salesman_id   STRING NOT NULL,
  salesman_name STRING,
  amount        DECIMAL(28, 2) NOT NULL,
  WATERMARK FOR event_time AS event_time - INTERVAL '1' MINUTE
);
