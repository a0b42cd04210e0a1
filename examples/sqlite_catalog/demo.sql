-- SQLite itself looks for the rows, and hands over two columns of them.
SELECT id, amount FROM shop.orders WHERE customer = 3 AND amount > 1200 ORDER BY id;

-- A join with DuckDB's speed over both tables.
SELECT name, count(*) AS orders, round(sum(amount), 2) AS total
FROM shop.orders JOIN shop.customers c ON c.id = customer GROUP BY name ORDER BY total DESC LIMIT 3;

-- All of a transaction, or nothing: whoever reads the file sees either.
BEGIN;
CREATE TABLE shop.best AS SELECT customer, max(amount) AS amount FROM shop.orders GROUP BY customer;
UPDATE shop.customers SET active = false WHERE id NOT IN (SELECT customer FROM shop.best WHERE amount > 1247);
COMMIT;

SELECT name, active FROM shop.customers WHERE active ORDER BY name;
DROP TABLE shop.best;

-- A view, which stands in the file.
CREATE VIEW shop.idle AS SELECT name FROM shop.customers WHERE NOT active;
SELECT name FROM shop.idle ORDER BY name;
DROP VIEW shop.idle;
