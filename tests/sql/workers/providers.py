"""Providers of tables: one whose tables come and go, a large one, and one that fails where it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR


class Files:
    """A table for each text file of a folder: its lines. The number in ``version`` is the version, if it is there."""

    def __init__(self, folder: str):
        self.folder = Path(folder)

    def version(self, ctx: dw.Context) -> int:
        self.note("version")
        path = self.folder / "version"
        return int(path.read_text()) if path.exists() else 0

    def tables(self, ctx: dw.Context) -> list[str]:
        self.note("tables")
        return sorted(path.stem for path in self.folder.glob("*.txt"))

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        self.note(f"table {name}")
        path = self.path(name)
        if path is None:
            return None
        columns = dict.fromkeys(path.read_text().splitlines()[0].split(), VARCHAR)
        return dw.TableDefinition({**columns, "line": BIGINT}, comment=f"of {path.name}")

    def scan(self, name: str, ctx: dw.Context) -> Iterator[dict[str, list[object]]]:
        self.note(f"scan {name} {','.join(ctx.columns)}")
        path = self.path(name)
        assert path is not None
        head, *lines = path.read_text().splitlines()
        for number, line in enumerate(lines):
            row = dict(zip(head.split(), line.split(), strict=True))
            yield {column: [number if column == "line" else row[column]] for column in ctx.columns}

    def path(self, name: str) -> Path | None:
        return next((path for path in self.folder.glob("*.txt") if path.stem.lower() == name.lower()), None)

    def note(self, call: str) -> None:
        with (self.folder / "calls").open("a") as calls:
            calls.write(f"{call}\n")


class Many:
    """Five thousand tables, and more that no listing shows."""

    def version(self, ctx: dw.Context) -> int:
        return 1

    def tables(self, ctx: dw.Context) -> list[str]:
        return [f"t{n}" for n in range(5000)]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        number = name[1:]
        return dw.TableDefinition({"n": BIGINT}) if name[:1] in "tT" and number.isdigit() else None

    def scan(self, name: str, ctx: dw.Context) -> list[tuple[int]]:
        return [(int(name[1:]),)]

    def statistics(self, name: str, ctx: dw.Context) -> dw.TableStatistics | None:
        number = int(name[1:])
        if number >= 5000:
            return None
        return dw.TableStatistics(1, {"n": dw.ColumnStatistics(min=number, max=number, nulls=False)})


class Failing:
    """Tables named like what fails."""

    def __init__(self, fails: str):
        self.fails = fails
        if fails == "init":
            raise ConnectionError("no server")

    def version(self, ctx: dw.Context) -> int:
        return int(self.maybe("version", 1))

    def tables(self, ctx: dw.Context) -> list[str]:
        return list(self.maybe("tables", ["good", "table", "columns", "option", "scan", "statistics"]))

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        if name == "table":
            raise ConnectionError("no table")
        if name == "columns":
            return dw.TableDefinition({"n": "BIGINT"})
        if name == "option":
            return dw.TableDefinition({"n": BIGINT}, primary_kay="n")
        return dw.TableDefinition({"n": BIGINT}) if name in ("good", "scan", "statistics") else None

    def scan(self, name: str, ctx: dw.Context) -> Iterator[tuple[int]]:
        yield (1,)
        if name == "scan":
            raise ConnectionError("no more rows")

    def statistics(self, name: str, ctx: dw.Context) -> dw.TableStatistics | None:
        if name == "statistics":
            raise ConnectionError("no statistics")
        return None

    def maybe(self, step: str, value: Any) -> Any:
        if self.fails == step:
            raise ConnectionError(f"no {step}")
        return value


class Fixed:
    """A table that is always there. Each question about it is a line in a file."""

    frozen = True

    def __init__(self, file: str):
        self.file = Path(file)

    def tables(self, ctx: dw.Context) -> list[str]:
        return ["only"]

    def table(self, name: str, ctx: dw.Context) -> dw.TableDefinition | None:
        with self.file.open("a") as lines:
            lines.write(f"{name}\n")
        return dw.TableDefinition({"n": BIGINT}) if name == "only" else None

    def scan(self, name: str, ctx: dw.Context) -> list[tuple[int]]:
        return [(1,), (2,)]


fixed = dw.Catalog("fixed")
fixed.attach_option("file", VARCHAR, required=True)
fixed.mount(Fixed)

files = dw.Catalog("files")
files.attach_option("folder", VARCHAR, required=True)
files.mount(Files)

many = dw.Catalog("many")
many.mount(Many())

failing = dw.Catalog("failing")
failing.attach_option("fails", VARCHAR, default="")
failing.mount(Failing)


@failing.scalar
def works(value: int) -> int:
    return value + 1
