-- Only the files of 2024 are read, and of them only one column.
SELECT count(*) AS orders, round(sum(amount)) AS total FROM lake.orders WHERE year = 2024;

-- Only the row group that has these ids.
SELECT id, year, note FROM lake.orders WHERE id BETWEEN 250000 AND 250002 ORDER BY id;

-- The folders are partitions: no hash table of all groups.
SELECT year, count(*) AS orders, max(amount) AS greatest FROM lake.orders GROUP BY year ORDER BY year;

-- What was read: files, row groups, bytes.
EXPLAIN ANALYZE SELECT sum(amount) FROM lake.orders WHERE id < 5000;
