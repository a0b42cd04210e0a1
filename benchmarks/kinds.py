"""Every kind of function against the published SDKs for other languages: ``python -m benchmarks.kinds --help``.

Both sides serve a catalog ``bench`` with functions of the same names over stdio, each written as the documentation
of its SDK recommends and with that SDK's defaults. Scalars are also compared with a worker that gives recorded answers,
``workers/recorded.py``: what no worker in Python can fall below.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from benchmarks.folders import Folders, file_system, temporary_folders
from benchmarks.launch import WORKERS, duckwing_command, engine, prepare_environment
from benchmarks.measure import Comparison, Effort, Side, Target, alternate, check, seconds
from benchmarks.peers import Peer, PeerUnavailableError, typescript
from benchmarks.report import environment, markdown

from duckwing.engine import EngineError

if TYPE_CHECKING:
    import duckdb

ROUNDS = 5

TARGETS = dict.fromkeys(("scalar", "table"), Target("ratio", 0.25, "at most 0.25: four times as fast"))
"""By the kind of function."""


@dataclass(frozen=True)
class _Kind:
    """One query.

    Attributes:
        name: the kind of function.
        what: what it does with how much.
        query: SQL with ``{bench}`` in place of the attached catalog.
        reference: SQL of the same answer without a worker.
        own: SQL for Duckwing, where it is not ``query``.
        keeps: where Duckwing keeps what it needs between calls, an attribute of :class:`Folders`.
        once: it takes a peer minutes, so it is run only once.
        dedup: whether the client looks for duplicate input rows, its default.
    """

    name: str
    what: str
    query: str
    reference: str
    own: str | None = None
    keeps: Literal["state", "memory"] | None = None
    once: bool = False
    dedup: bool = True


def _scalar(what: str, call: str, builtin: str, summary: str, count: int, dedup: bool) -> _Kind:
    rows = f"FROM range({count}) t(v)"
    return _Kind(
        "scalar",
        f"{what}, {count:,} distinct rows, dedup {'on' if dedup else 'off'}",
        f"SELECT {summary.format('{bench}.' + call)} {rows}",
        f"SELECT {summary.format(builtin)} {rows}",
        dedup=dedup,
    )


def _aggregate(rows: int, groups: int, *, once: bool = False) -> _Kind:
    query = (
        "SELECT count(*), bit_xor(hash(g, s)) FROM "
        f"(SELECT g, {{}} AS s FROM (SELECT i % {groups} g, i v FROM range({rows}) t(i)) GROUP BY g)"
    )
    return _Kind(
        "aggregate",
        f"sum(BIGINT), {rows:,} rows in {groups:,} groups",
        query.format("{bench}.vsum(v)"),
        query.format("sum(v)::BIGINT"),
        keeps="memory",
        once=once,
    )


def _relation(
    name: str,
    what: str,
    rows: int,
    source: str,
    *,
    own: str | None = None,
    keeps: Literal["state", "memory"] | None = None,
) -> _Kind:
    query = "SELECT sum(n), count(*) FROM "
    return _Kind(
        name,
        f"{what}, {rows:,} BIGINT",
        query + source.format(rows=rows),
        f"{query}range({rows}) t(n)",
        None if own is None else query + own.format(rows=rows),
        keeps,
    )


def _kinds(effort: Effort) -> list[_Kind]:
    million = effort.size(1_000_000)
    return [
        *(_scalar("BIGINT + 1", "add_one(v)", "v + 1", "sum({})", million, dedup) for dedup in (True, False)),
        *(
            _scalar(
                "upper(VARCHAR)",
                "upper_case('customer ' || v)",
                "upper('customer ' || v)",
                "bit_xor(hash({}))",
                million,
                dedup,
            )
            for dedup in (True, False)
        ),
        _relation("table", "counting up in each documentation's batches", 5 * million, "{{bench}}.series({rows})"),
        _relation(
            "table",
            "counting up in batches of 1,000",
            5 * million,
            "{{bench}}.series({rows})",
            own="{{bench}}.series_1000({rows})",
        ),
        _relation(
            "table-in-out", "passing through", 5 * million, "{{bench}}.pass_through((SELECT n FROM range({rows}) t(n)))"
        ),
        _relation(
            "buffering",
            "keeping and returning",
            million,
            "{{bench}}.keep_all((SELECT n FROM range({rows}) t(n)))",
            keeps="state",
        ),
        _aggregate(million, 10),
        _aggregate(million, effort.size(1000), once=True),
    ]


NAMES = tuple(dict.fromkeys(kind.name for kind in _kinds(Effort(ROUNDS))))


def run(effort: Effort, names: Sequence[str] = NAMES) -> list[Comparison]:
    """Compare the kinds called ``names`` with every peer that can be installed; the others are named on stderr."""
    try:
        with typescript() as peer, temporary_folders() as folders, engine() as connection:
            own = shlex.join([str(duckwing_command()), "run", str(WORKERS / "kinds.py")])
            _attach(connection, "ours", f"exec {own}")
            _attach(connection, "peer", peer.location)
            _attach(connection, "recorded", _recorded())
            kinds = [kind for kind in _kinds(effort) if kind.name in names]
            rounds = effort.at_most(ROUNDS).rounds
            return [comparison for kind in kinds for comparison in _compare(connection, kind, peer, folders, rounds)]
    except PeerUnavailableError as error:
        print(f"The TypeScript SDK is left out: {error}", file=sys.stderr)
        return []


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.kinds",
        description="Measure Duckwing against the published SDKs for other languages, kind by kind.",
    )
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"what to measure: {', '.join(NAMES)}; all by default")
    parser.add_argument("--repeat", type=int, default=ROUNDS, metavar="N", help=f"rounds (default: {ROUNDS})")
    options = parser.parse_args(arguments)
    if unknown := set(options.kinds) - set(NAMES):
        parser.error(f"there is no kind {', '.join(sorted(unknown))}; choose from {', '.join(NAMES)}")
    if options.repeat < 1:
        parser.error("at least one round is needed")
    prepare_environment()
    try:
        comparisons = run(Effort(options.repeat), options.kinds or NAMES)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    if comparisons:
        facts = environment()
        print(markdown(comparisons))
        print(
            f"\nMedian (lowest–highest) of {options.repeat} alternating rounds (one where a peer takes minutes); "
            f"a ratio is the median of the rounds' own ratios.\nPython {facts['python']}, pyarrow {facts['pyarrow']}, "
            f"DuckDB {facts['duckdb']}, {facts['system']}, {facts['processors']} processors."
        )
    return 0


def _compare(
    connection: duckdb.DuckDBPyConnection, kind: _Kind, peer: Peer, folders: Folders, rounds: int
) -> list[Comparison]:
    print(f"{kind.name}: {kind.what} …", file=sys.stderr, flush=True)
    connection.execute(f"SET vgi_exchange_input_dedup = {kind.dedup}")
    expected = connection.sql(kind.reference).fetchall()

    def side(query: str) -> Side:
        return lambda: seconds(lambda: check(connection.sql(query).fetchall(), expected))

    sides = {
        "ours": side((kind.own or kind.query).format(bench="ours")),
        "peer": side(kind.query.format(bench="peer")),
    }
    if kind.name == "scalar":
        sides["recorded"] = side(kind.query.format(bench="recorded"))
    samples = alternate(sides, 1 if kind.once else rounds, warm_up=not kind.once)
    what, against = kind.what, peer.title
    if kind.keeps is not None:
        what = f"{what}, kept on {file_system(getattr(folders, kind.keeps))}"
        against = f"{against}, kept on {file_system(tempfile.gettempdir())}"
    comparisons = [
        Comparison(kind.name, what, samples["ours"], against, samples["peer"], target=TARGETS.get(kind.name))
    ]
    if recorded := samples.get("recorded"):
        comparisons += [
            Comparison(kind.name, what, samples["ours"], "recorded answers", recorded),
            Comparison(kind.name, f"{what}: the floor, recorded answers", recorded, against, samples["peer"]),
        ]
    return comparisons


def _recorded() -> str:
    return "exec " + shlex.join(
        ["env", f"PYTHONPATH={WORKERS.parents[1]}", sys.executable, "-m", "benchmarks.workers.recorded"]
    )


def _attach(connection: duckdb.DuckDBPyConnection, alias: str, location: str) -> None:
    quoted = location.replace("'", "''")
    connection.execute(f"ATTACH 'bench' AS {alias} (TYPE vgi, LOCATION '{quoted}')")


if __name__ == "__main__":
    raise SystemExit(main())
