-- Without an event time: nothing is late, and no row is final.
CREATE TABLE scores (player STRING, club STRING NOT NULL, points INT);

INSERT INTO best_players
SELECT player, total, games, place FROM (
  SELECT *, ROW_NUMBER() OVER (ORDER BY total DESC) AS place FROM (
    SELECT player, SUM(points) AS total, COUNT(*) AS games FROM scores GROUP BY player))
WHERE place <= 2;

INSERT INTO best_of_each_club
SELECT * FROM (
  SELECT *, RANK() OVER (PARTITION BY club ORDER BY total DESC) AS place FROM (
    SELECT club, player, SUM(points) AS total FROM scores WHERE points > 0 GROUP BY club, player))
WHERE place <= 1;

-- Nothing is grouped by: one row.
INSERT INTO in_all
SELECT games, top, place FROM (
  SELECT *, ROW_NUMBER() OVER (ORDER BY games DESC) AS place FROM (
    SELECT COUNT(*) AS games, MAX(points) AS top FROM scores))
WHERE place <= 1;
