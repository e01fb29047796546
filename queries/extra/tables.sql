-- The sales of the shipped rankings, and what they are compared with. Both of the others change: the last row of a key counts.
CREATE TABLE sales (
  sale_id       STRING,
  event_time    TIMESTAMP_LTZ(3) NOT NULL,
  city          STRING NOT NULL,
  salesman_id   STRING NOT NULL,
  salesman_name STRING,
  amount        DECIMAL(28, 2) NOT NULL,
  WATERMARK FOR event_time AS event_time - INTERVAL '1' MINUTE
);

-- Which region a city is in.
CREATE TABLE cities (
  city   STRING,
  region STRING,
  PRIMARY KEY (city) NOT ENFORCED
) WITH ('changelog' = 'upsert');

-- What a salesman is to sell in a day.
CREATE TABLE quotas (
  salesman_id STRING,
  quota       DECIMAL(12, 2),
  PRIMARY KEY (salesman_id) NOT ENFORCED
) WITH ('changelog' = 'upsert');

-- What a region is to sell in a day.
CREATE TABLE targets (
  region STRING,
  target DECIMAL(12, 2),
  PRIMARY KEY (region) NOT ENFORCED
) WITH ('changelog' = 'upsert');
