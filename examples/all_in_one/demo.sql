-- duckwing sql examples/all_in_one/worker.py -f examples/all_in_one/demo.sql

-- A table function, with a named argument, and scalar functions by row and by batch.
SELECT time, celsius, fahrenheit(celsius) AS fahrenheit, round(dew_point(celsius, humidity), 1) AS dew_point
FROM measurements(1, station := 'south')
WHERE hour(time) % 6 = 0
ORDER BY time;

-- A resumable table function.
FROM days(DATE '2024-02-28', 3);

-- A setting, read from the context.
SELECT degrees(20.0) AS by_default;
SET weather_unit = 'fahrenheit';
SELECT degrees(20.0) AS as_set;

-- A secret, which no query shows.
CREATE OR REPLACE TEMPORARY SECRET station_key (TYPE weather_api, token 'not a real one');
SELECT signed_url('https://weather.example/north') AS url;

-- A row function, for each row of a table.
CREATE OR REPLACE TEMPORARY TABLE reports AS
FROM (VALUES ('north', '06:00 9.5, 07:00 10'), ('south', 'no reading'), ('east', '06:00 -1')) AS t(station, report);
SELECT station, time, celsius FROM reports, read_report(report) ORDER BY ALL;

-- Functions over a table: batch by batch, and when all of it is there.
SELECT count(*) AS plausible FROM plausible((FROM measurements(7)), measure := 'celsius', highest := 12.0);
SELECT time, celsius FROM extremes((FROM measurements(7)), measure := 'celsius', k := 2) ORDER BY celsius, time;

-- Aggregates, all groups at once and one instance for each.
SELECT station, count(*) AS rows, round(mean_of(celsius), 2) AS mean, span(celsius, ' … ') AS span
FROM (FROM measurements(7) UNION ALL FROM measurements(7, station := 'south'))
GROUP BY station
ORDER BY station;

-- A table with a generated column, a view over it, macros. What a table macro reads is found after USE only.
SELECT time, celsius, fahrenheit FROM june WHERE fahrenheit > 80 ORDER BY time LIMIT 2;
SELECT day, lowest, highest FROM june_days WHERE day <= DATE '2024-06-02' ORDER BY day;
SELECT kelvin(20.0) AS kelvin;
USE weather;
FROM hottest(k := 2);

-- A second schema.
SELECT weather.names.slug('Mount St. Helens') AS slug;
