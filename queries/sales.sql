-- The table that every ranking reads. Add columns here to rank by them; event_time and amount always stay.
CREATE TABLE sales (
  sale_id       STRING,
  event_time    TIMESTAMP(3),
  city          STRING,
  salesman_id   STRING,
  salesman_name STRING,
  amount        DECIMAL(28, 2)
);
