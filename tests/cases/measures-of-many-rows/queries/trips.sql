CREATE TABLE trips (
  id INT,
  at TIMESTAMP_LTZ(3),
  line STRING,
  km DECIMAL(8, 3),
  seats INT,
  driver STRING,
  night BOOLEAN,
  stops ARRAY<STRING>,
  WATERMARK FOR at AS at - INTERVAL '1' MINUTE
);
INSERT INTO spread
SELECT window_start, window_end, line, var_pop, var_samp, sd_pop, sd_samp, sd_seats, rk
FROM (
  SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY sd_pop DESC) AS rk
  FROM (
    SELECT window_start, window_end, line, VAR_POP(km) AS var_pop, VARIANCE(km) AS var_samp, STDDEV_POP(km) AS sd_pop,
           STDDEV(km) AS sd_samp, STDDEV_SAMP(seats) FILTER (WHERE NOT night) AS sd_seats
    FROM TABLE(TUMBLE(TABLE trips, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, line))
WHERE rk <= 10;
INSERT INTO percentiles
SELECT window_start, window_end, line, half, most, upper, seats_95, about, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY half DESC NULLS LAST, upper) AS n
  FROM (
    SELECT window_start, window_end, line, MEDIAN(km) AS half, PERCENTILE(km, 1) AS most,
           PERCENTILE_CONT(0.25) WITHIN GROUP (ORDER BY km DESC) AS upper, PERCENTILE(seats, .95) AS seats_95,
           APPROX_PERCENTILE(seats, 0.5) AS about
    FROM TABLE(TUMBLE(TABLE trips, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, line))
WHERE n <= 10;
INSERT INTO firsts
SELECT window_start, window_end, line, first_driver, last_driver, far, near, of_last_name, ids, drivers, stops, n
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY drivers DESC, line) AS n
  FROM (
    SELECT window_start, window_end, line, FIRST_VALUE(driver) AS first_driver, LAST_VALUE(driver) AS last_driver,
           ARG_MAX(driver, km) AS far, MIN_BY(driver, km) FILTER (WHERE km > 0) AS near, ARG_MAX(id, driver) AS of_last_name,
           APPROX_COUNT_DISTINCT(id + 0) AS ids, APPROX_COUNT_DISTINCT(driver) AS drivers, COUNT(DISTINCT stops) AS stops
    FROM TABLE(TUMBLE(TABLE trips, DESCRIPTOR(at), INTERVAL '1' HOUR))
    GROUP BY window_start, window_end, line))
WHERE n <= 10;
