-- One flower, and a table of them: the model is asked once for each batch.
SELECT models.species(5.1, 3.5, 1.4, 0.2) AS short_petals, models.species(6.3, 3.3, 6.0, 2.5) AS long_petals;

SELECT species, count(*) AS flowers
FROM (SELECT models.species(5 + i % 3, 3, 1 + i % 6, 0.2 + (i % 6) / 3) AS species FROM range(600) t(i))
GROUP BY species
ORDER BY species;
