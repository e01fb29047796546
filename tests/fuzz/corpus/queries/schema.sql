CREATE TABLE sales (event_time TIMESTAMP(3), city STRING, amount DECIMAL(38, 2), units BIGINT);
