"""Random predicates over random tables: a worker with pushdown, without, and DuckDB itself agree on every row.

Every predicate is made from two numbers, the seed of its table and its own, so that a failure is repeated by them:
``python -m tests.filters.fuzz --seed SEED --only NUMBER``. ``--forever`` goes on with other tables until it is
interrupted.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import duckdb
import pyarrow as pa

import duckwing.engine

from ..sql.session import Session
from .generator import Table, draw_order, draw_predicate, draw_table

PREDICATES_PER_TABLE = 50

LOSSLESS = "SET arrow_lossless_conversion = true"
SETTINGS = (
    "RESET TimeZone",
    LOSSLESS,
    "SET arrow_large_buffer_size = true",
    f"SET arrow_large_buffer_size = true; {LOSSLESS}",
    "SET TimeZone = 'America/New_York'",
)
WEIGHTS = (5, 3, 1, 1, 2)

UNOPTIMIZED = "SET disabled_optimizers = 'filter_pushdown,statistics_propagation'"

NEVER = (duckdb.BinderException, duckdb.InvalidTypeException, duckdb.NotImplementedException)
"""What is no query in the first place. (An error ends the worker's process; the next costs its start.)"""

FORMS: dict[pa.DataType, list[pa.DataType | None]] = {
    pa.utf8(): [pa.large_utf8(), pa.string_view(), None],
    pa.binary(): [pa.large_binary(), pa.binary_view()],
    pa.date32(): [pa.date64()],
    pa.timestamp("us", "Etc/UTC"): [pa.timestamp("us", "Europe/Berlin")],
    pa.int32(): [None],
    pa.list_(pa.field("l", pa.int32())): [pa.large_list(pa.int32())],
}
"""Types in which columns come out of DuckDB, and others in which a worker may give them; None: a dictionary."""

Rows: TypeAlias = list[int]
Outcome: TypeAlias = "Rows | duckdb.Error"


@dataclass
class Tally:
    """What has been compared.

    Attributes:
        predicates: all of them.
        refused: those that DuckDB itself refuses.
        scanned: those for which the worker was asked for rows.
        pushed: those of which something arrived there.
        choosing: those that some but not all rows meet.
    """

    predicates: int = 0
    refused: int = 0
    scanned: int = 0
    pushed: int = 0
    choosing: int = 0

    def __str__(self) -> str:
        return (
            f"{self.predicates} predicates: {self.refused} refused by DuckDB, {self.scanned} scanned, "
            f"{self.pushed} pushed down, {self.choosing} chose some rows"
        )


class Fuzzer:
    """Compares predicates by number.

    Args:
        folder: for files, which stay there.
    """

    def __init__(self, folder: Path):
        self.tally = Tally()
        self._folder = folder
        self._session = Session(duckwing.engine.connect(threads=1), "pool true")
        self._session.attach("random_tables")

    def close(self) -> None:
        """End the database and its worker."""
        self._session.close()

    def table(self, seed: int, numbers: Iterable[int]) -> str | None:
        """Compare predicates over the table of ``seed``; a description of the first that differs, or None."""
        table = draw_table(seed)
        path = self._folder / f"{seed}.arrow"
        self._ship(table, path)
        setting = _setting(table)
        self._session.execute(setting)
        try:
            return self._compare(table, numbers, path)
        finally:
            for name in re.findall(r"SET (\w+)", setting):
                self._session.execute(f"RESET {name}")

    def _compare(self, table: Table, numbers: Iterable[int], path: Path) -> str | None:
        scans = Path(f"{path}.scans")
        scan = f"random_tables.t('{path}')"
        self._session.execute(f"CREATE OR REPLACE TABLE local AS FROM {scan}")
        for chosen in _groups(numbers):
            predicates = {number: draw_predicate(table, number) for number in chosen}
            queries = {number: f"{text} {draw_order(table, number)}" for number, text in predicates.items()}
            # Also for its own table: DuckDB 1.5 drops rows where statistics meet IS DISTINCT FROM.
            self._session.execute(UNOPTIMIZED)
            expected = self._all("local", queries)
            fine = {number: query for number, query in queries.items() if isinstance(expected[number], list)}
            plain = expected | self._all(scan, fine)
            self._session.execute("SET disabled_optimizers = ''")
            for number, query in queries.items():
                scans.write_text("")
                if isinstance(expected[number], NEVER):
                    self._count("", expected[number], 0)
                    continue
                pushed = self._one(scan, query)
                self._count(scans.read_text(), expected[number], len(table.rows))
                if not _agree(pushed, plain[number], expected[number]) and not self._may_fail(
                    pushed, predicates[number]
                ):
                    outcomes = {"pushed down": pushed, "not pushed down": plain[number], "DuckDB": expected[number]}
                    return _report(table, number, query, outcomes)
        path.unlink()
        scans.unlink()
        return None

    def _ship(self, table: Table, path: Path) -> None:
        """Write the rows of ``table`` as a file for the worker."""
        for statement in table.create("source"):
            self._session.execute(statement)
        self._session.execute(LOSSLESS)
        [batch] = self._session.execute("FROM source ORDER BY id").to_arrow_table().combine_chunks().to_batches()
        self._session.execute("RESET arrow_lossless_conversion")
        rng = random.Random(f"forms {table.seed}")
        fields, columns = [batch.schema.field(0)], [batch.column(0)]
        for place, column in enumerate(table.columns, start=1):
            array = batch.column(place)
            form = _other_form(array, rng)
            columns.append(array if form is None else form)
            metadata = {"sql": column.type.sql} if form is None else None
            fields.append(pa.field(column.sql, columns[-1].type, metadata=metadata))
        batch = pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as file:
            file.write(batch)

    def _all(self, source: str, queries: dict[int, str]) -> dict[int, Outcome]:
        """The outcome of each query, found by one statement if none fails."""
        parts = [f"(SELECT {number}, id FROM source_rows WHERE {query})" for number, query in queries.items()]
        statement = f"WITH source_rows AS MATERIALIZED (FROM {source}) {' UNION ALL '.join(parts)}"
        if not queries:
            return {}
        try:
            rows = self._session.rows(statement)
        except duckdb.Error:
            return {number: self._one(source, query) for number, query in queries.items()}
        found: dict[int, list[int]] = {number: [] for number in queries}
        for number, id in rows:
            found[number].append(id)
        return {number: sorted(ids) for number, ids in found.items()}

    def _one(self, source: str, query: str) -> Outcome:
        try:
            return sorted(id for (id,) in self._session.rows(f"SELECT id FROM {source} WHERE {query}"))
        except duckdb.Error as error:
            return error

    def _may_fail(self, pushed: Outcome, predicate: str) -> bool:
        """Whether an error of ``pushed`` depends on the plan: on which condition looks at which rows, and when.

        It does where DuckDB has one, too, with its usual optimizers, or if every condition looks at every row.
        """
        if not isinstance(pushed, duckdb.Error):
            return False
        if not isinstance(pushed, (duckdb.InvalidInputException, duckdb.IOException)):
            return True  # the former is what a worker reports, the latter a worker that died
        usual = self._one("local", predicate)
        self._session.execute(UNOPTIMIZED)
        try:
            self._session.rows(f"SELECT ({predicate}) FROM local")
        except duckdb.Error:
            return "cannot be applied" in str(pushed)
        finally:
            self._session.execute("SET disabled_optimizers = ''")
        return type(usual) is type(pushed)

    def _count(self, scans: str, expected: Outcome, rows: int) -> None:
        self.tally.predicates += 1
        if isinstance(expected, duckdb.Error):
            self.tally.refused += 1
            return
        self.tally.scanned += bool(scans)
        self.tally.pushed += any(int(line) for line in scans.split())
        self.tally.choosing += 0 < len(expected) < rows


def _setting(table: Table) -> str:
    """Statements that change the form in which constants arrive."""
    chosen = random.Random(f"setting {table.seed}").choices(SETTINGS, WEIGHTS)[0]
    # Else constants of TIMETZ come without their offset, and the scan is refused.
    return LOSSLESS if any(column.type.holds("timetz") for column in table.columns) else chosen


def _other_form(array: pa.Array, rng: random.Random) -> pa.Array | None:
    """Sometimes the same values as another Arrow type that DuckDB reads as the same one."""
    other = FORMS.get(array.type)
    if other is None or rng.random() < 0.6:
        return None
    other = rng.choice(other)
    if other is not None:
        return array.cast(other)
    # DuckDB 1.5 crashes where a dictionary has no values.
    return array.dictionary_encode() if array.null_count < len(array) else None


def _groups(numbers: Iterable[int], size: int = 10) -> Iterable[list[int]]:
    chosen = list(numbers)
    return [chosen[start : start + size] for start in range(0, len(chosen), size)]


def _agree(pushed: Outcome, plain: Outcome, expected: Outcome) -> bool:
    if isinstance(plain, duckdb.Error) or isinstance(expected, duckdb.Error):
        # Whether a row with a value that fails is looked at depends on the plan.
        others = [outcome for outcome in (plain, expected) if not isinstance(outcome, duckdb.Error)]
        return isinstance(pushed, duckdb.Error) or all(pushed == other for other in others)
    return pushed == plain == expected


def _report(table: Table, number: int, query: str, outcomes: dict[str, Outcome]) -> str:
    types = ", ".join(f"{column.sql} {column.type.sql}" for column in table.columns)
    lines = [f"seed {table.seed}, predicate {number}: {query}", f"columns: {types}"]
    lines += [
        f"{who}: {f'{type(o).__name__}: {o}' if isinstance(o, duckdb.Error) else o}" for who, o in outcomes.items()
    ]
    lines.append(f"again: python -m tests.filters.fuzz --seed {table.seed} --only {number}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 1 if a predicate failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.filters.fuzz", description=__doc__)
    parser.add_argument("--tables", type=int, default=400, help="how many tables to draw (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the first table (default: %(default)s)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="compare one predicate over one table")
    parser.add_argument("--all", action="store_true", help="do not stop at the first failure")
    parser.add_argument("--forever", action="store_true", help="go on with more tables, until interrupted")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        fuzzer = Fuzzer(Path(folder))
        if options.only is not None:
            return _show(fuzzer.table(options.seed, [options.only]))
        seed, last, begun, failed = options.seed, options.seed + options.tables, time.monotonic(), 0
        while seed < last or options.forever:
            failed |= _show(fuzzer.table(seed, range(PREDICATES_PER_TABLE)))
            if failed and not options.all:
                return 1
            seed += 1
            if seed % 100 == 0:
                print(f"up to seed {seed}: {fuzzer.tally}, {time.monotonic() - begun:.0f} s", flush=True)
        print(f"{fuzzer.tally}, {time.monotonic() - begun:.0f} s")
        fuzzer.close()
        return failed


def _show(failure: str | None) -> int:
    if failure is not None:
        print(failure, file=sys.stderr, flush=True)
    return int(failure is not None)


if __name__ == "__main__":
    sys.exit(main())
