"""Questions about this Python installation, answered in SQL by the worker beside this file."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import duckwing

HERE = Path(__file__).parent
COLUMNS = 100

QUESTIONS = [
    (
        "Which packages take up the most space?",
        """
SELECT name, version, files, format_bytes(bytes) AS size,
       round(100 * bytes / sum(bytes) OVER (), 1) AS percent
FROM env.distributions()
ORDER BY bytes DESC, name
LIMIT 8
""",
    ),
    (
        "Which packages have the most Python in them, and where is most of it?",
        """
SELECT d.name, env.version_series(d.version) AS series, count(*) AS modules,
       sum(f.lines) AS lines, arg_max(f.module, f.lines) AS longest_module
FROM env.distributions() d JOIN env.files() f ON f.distribution = d.name
GROUP BY ALL
ORDER BY lines DESC, name
LIMIT 8
""",
    ),
    (
        "What do the others build on?",
        """
SELECT r.requires AS package, any_value(d.version) AS version,
       count(DISTINCT r.distribution) AS needed_by,
       list(DISTINCT r.distribution ORDER BY r.distribution)[:3] AS such_as
FROM env.requirements() r JOIN env.distributions() d ON d.name = r.requires
WHERE r.active AND r.extra IS NULL
GROUP BY package
ORDER BY needed_by DESC, package
LIMIT 8
""",
    ),
    (
        "Is everything here that is required, and in a version that fits?",
        """
SELECT if(r.extra IS NULL, 'always', 'for an extra') AS required,
       CASE env.version_matches(d.version, r.specifier)
           WHEN true THEN 'fits'
           WHEN false THEN 'does not fit'
           ELSE if(d.name IS NULL, 'is not installed', 'cannot be told')
       END AS state,
       count(*) AS requirements,
       min(r.requires || r.specifier) AS such_as
FROM env.requirements() r LEFT JOIN env.distributions() d ON d.name = r.requires
WHERE r.active
GROUP BY required, state
ORDER BY required, state
""",
    ),
    (
        "Which packages do not call themselves finished yet? (As text, 0.10 would come before 0.9.)",
        """
SELECT name, version, summary[:60] AS summary
FROM env.distributions()
WHERE env.version_key(version) < env.version_key('1.0')
ORDER BY env.version_key(version), name
""",
    ),
    (
        "What do the licenses ask of whoever passes this installation on?",
        """
WITH stated AS (
    SELECT name, env.license_spdx(license) AS spdx FROM env.distributions()
), single AS (
    SELECT name, unnest(string_split_regex(coalesce(spdx, 'unclear'), ' (AND|OR) ')) AS license
    FROM stated
)
SELECT license, kind, asks, count(*) AS packages, min(name) AS such_as
FROM single LEFT JOIN licenses USING (license)
GROUP BY ALL
ORDER BY packages DESC, license
""",
    ),
    (
        "Which names for modules are the most popular?",
        """
SELECT regexp_extract(module, '[^.]+$') AS name,
       count(DISTINCT distribution) AS packages, count(*) AS modules, sum(lines) AS lines
FROM env.files()
WHERE module LIKE '%.%' AND path NOT LIKE '%__init__.py'
GROUP BY name
ORDER BY packages DESC, modules DESC, name
LIMIT 8
""",
    ),
    (
        "What are Duckwing's own longest modules made of?",
        """
WITH sources AS (
    SELECT module, lines, env.source_text(path) AS text
    FROM env.files(distribution := 'duckwing')
)
SELECT module, lines, env.code_lines(text) AS code, env.comment_lines(text) AS comments,
       env.words(text) AS words, env.words(text, 10) AS long_words
FROM sources
ORDER BY lines DESC, module
LIMIT 8
""",
    ),
]


def main() -> None:
    with duckwing.connect() as connection:
        for statement in preparations():
            print(statement)
            connection.execute(statement)
        for question, sql in QUESTIONS:
            print(f"\n-- {question}\n{sql.strip()};\n")
            connection.sql(sql).show(max_width=COLUMNS, max_rows=40)


def preparations() -> list[str]:
    """Statements that make the worker and the CSV file known."""
    location = duckwing.location(HERE / "worker.py")
    return [
        f"ATTACH 'environment' AS env (\n    TYPE vgi, LOCATION {quoted(location)}\n);",
        f"CREATE VIEW licenses AS FROM {quoted(os.path.relpath(HERE / 'licenses.csv'))};",
    ]


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    try:
        main()
    except duckwing.Error as error:
        sys.exit(f"error: {error}")
