# /// script
# requires-python = ">=3.11"
# dependencies = ["duckwing"]
# ///
"""The Python installation that runs this worker, as SQL tables and functions.

A worker starts inside somebody's query, so what only some functions need is imported inside them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pyarrow as pa
from licenses import license_spdx
from markers import marker_applies
from versions import version_key, version_matches, version_series

import duckwing as dw
from duckwing.types import BIGINT, BOOLEAN, LIST, VARCHAR

if TYPE_CHECKING:
    from importlib.metadata import Distribution, PackagePath

Row: TypeAlias = tuple[object, ...]

environment = dw.Catalog("environment", comment="Packages and source files of a Python installation")
environment.add(license_spdx, version_key, version_matches, version_series)


@environment.scalar
def package_name(name: str) -> str:
    """A distribution's name as package indexes compare it: 'foo-bar-baz' for 'Foo_Bar.baz'."""
    return re.sub(r"[-_.]+", "-", name).lower()


# Tables.


@environment.table_function(
    columns={
        "name": VARCHAR,
        "version": VARCHAR,
        "summary": VARCHAR,
        "license": VARCHAR,
        "requires": LIST(VARCHAR),
        "files": BIGINT,
        "bytes": BIGINT,
        "location": VARCHAR,
    },
    stability="consistent_within_query",
    examples=[("SELECT name, version FROM distributions()", "what pip list shows")],
)
def distributions(ctx: dw.Context) -> Iterator[Row]:
    """Installed distributions, of those with one name the one that Python would import.

    Names are normalised, as package_name() does it. The license is what the package says, word by
    word. Files and bytes are NULL where the installer kept no record.
    """

    def read(distribution: Distribution) -> Iterator[Row]:
        recorded = distribution.files
        if recorded is None:
            ctx.log(f"no record of the files of {distribution.name}", level="WARN")
        sizes = list(_sizes(recorded or ()))
        yield (
            package_name(distribution.name),
            distribution.version,
            next(_fields(distribution, "Summary"), None),
            _license(distribution),
            distribution.requires or [],
            len(sizes) if sizes else None,
            sum(sizes) if sizes else None,
            str(distribution.locate_file("")),
        )

    return _each_distribution(read, ctx)


@environment.table_function(
    columns={
        "distribution": VARCHAR,
        "requires": VARCHAR,
        "specifier": VARCHAR,
        "extra": VARCHAR,
        "marker": VARCHAR,
        "active": BOOLEAN,
    },
    stability="consistent_within_query",
    examples=["FROM requirements() WHERE active AND extra IS NULL"],
)
def requirements(ctx: dw.Context) -> Iterator[Row]:
    """What the installed distributions require.

    With an extra, it is required by those only who asked for that extra. Where active is false, it
    is meant for another Python or platform than this one; NULL where the marker cannot be read.
    """

    def read(distribution: Distribution) -> Iterator[Row]:
        for text in distribution.requires or ():
            requirement, _, marker = text.partition(";")
            match = re.match(r"\s*([\w.-]+)\s*(?:\[.*?\])?\s*(.*)", requirement)
            if match is None:
                raise ValueError(f"{text!r} is no requirement")
            of_extra = re.search(r"""\bextra\s*==\s*['"]([^'"]+)""", marker)
            extra = of_extra[1] if of_extra else None
            yield (
                package_name(distribution.name),
                package_name(match[1]),
                "" if match[2].startswith("@") else match[2].strip(" ()"),
                extra,
                marker.strip() or None,
                marker_applies(marker, extra or "") if marker else True,
            )

    return _each_distribution(read, ctx)


@environment.table_function(
    columns={"distribution": VARCHAR, "module": VARCHAR, "path": VARCHAR, "bytes": BIGINT, "lines": BIGINT},
    stability="consistent_within_query",
    examples=[("FROM files(distribution := 'pip')", "the modules of one package")],
)
def files(ctx: dw.Context, *, distribution: str | None = None) -> Iterator[Row]:
    """Python source files of the installed distributions, editable ones included.

    Args:
        distribution: name of the only one to look at.
    """

    def read(found: Distribution) -> Iterator[Row]:
        for module, path in _sources(found):
            try:
                content = path.read_bytes()
            except OSError as error:
                ctx.log(f"source file left out: {error}", level="WARN")
                continue
            lines = content.count(b"\n") + (content[-1:] not in (b"", b"\n"))
            yield package_name(found.name), module, str(path), len(content), lines

    return _each_distribution(read, ctx, only=distribution)


# Measures of texts. Arrow annotations make a function work on many texts at once.


@environment.scalar(stability="volatile")
def source_text(path: str, ctx: dw.Context) -> str | None:
    """The text of a Python source file; NULL if there is no such file or it is not encoded as it says."""
    import tokenize

    try:
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, ValueError) as error:
        ctx.log(f"source file {path} cannot be read: {error}", level="WARN")
        return None


@environment.scalar
def code_lines(text: pa.StringArray) -> pa.Int64Array:
    """Number of lines that are neither empty nor comments."""
    return _count_lines(text, r"[^\s#]")


@environment.scalar
def comment_lines(text: pa.StringArray) -> pa.Int64Array:
    """Number of lines that are comments."""
    return _count_lines(text, "#")


@environment.scalar(examples=["SELECT words('one two three')", "SELECT words('one two three', 4)"])
def words(text: str, letters: int = 1) -> int:
    """Number of words.

    Args:
        letters: count only words of at least so many letters.
    """
    return sum(len(word) >= letters for word in re.findall(r"\w+", text))


def _count_lines(text: pa.StringArray, beginning: str) -> pa.Int64Array:
    import pyarrow.compute as pc

    # Every line is to follow a line break, the first one too: Arrow's counting takes ^ for "after the last match".
    return pc.count_substring_regex(pc.binary_join_element_wise("", text, "\n"), rf"\n[ \t\f]*{beginning}")


# What the tables are read from. Metadata is what its packager wrote: anything may be missing or broken.


def _each_distribution(
    read: Callable[[Distribution], Iterable[Row]], ctx: dw.Context, only: str | None = None
) -> Iterator[Row]:
    """The rows that ``read`` finds; a broken distribution costs its own rows and a line in the log."""
    from importlib import metadata

    seen: set[str] = set()
    for distribution in metadata.distributions():
        try:
            name = package_name(distribution.name)
            if name in seen or (only is not None and name != package_name(only)):
                continue
            rows = list(read(distribution))
        except Exception as error:
            folder = getattr(distribution, "_path", distribution)
            ctx.log(f"distribution left out: {folder}: {type(error).__name__}: {error}", level="WARN")
            continue
        seen.add(name)
        yield from rows
    if only is not None and not seen:
        raise LookupError(f"no distribution '{only}' is installed")


def _sources(distribution: Distribution) -> Iterator[tuple[str, Path]]:
    """Modules and their files; an editable distribution leads to its files by a ``.pth`` file."""
    for file in distribution.files or ():
        path = Path(str(file.locate()))
        if file.suffix == ".py" and file.parts[0] != "..":
            yield _module(Path(file)), path
        elif file.suffix == ".pth":
            for folder in map(Path, path.read_text("utf-8").splitlines()):
                for source in _importable(folder) if folder.is_absolute() else ():
                    yield _module(source.relative_to(folder)), source


def _importable(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.py")
    for init in folder.glob("*/__init__.py"):
        yield from init.parent.rglob("*.py")


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _sizes(files: Iterable[PackagePath]) -> Iterator[int]:
    for file in files:
        with suppress(OSError):  # recorded, but removed since
            yield Path(str(file.locate())).stat().st_size


def _license(distribution: Distribution) -> str | None:
    """The license statement from the best of the three places for it."""
    for text in (*_fields(distribution, "License-Expression"), *_fields(distribution, "License")):
        if text.strip().lower() not in ("", "unknown"):
            return text
    return "; ".join(c for c in _fields(distribution, "Classifier") if c.startswith("License ::")) or None


def _fields(distribution: Distribution, name: str) -> Iterator[str]:
    return iter(distribution.metadata.get_all(name) or ())


if __name__ == "__main__":
    dw.Worker(environment).run()
