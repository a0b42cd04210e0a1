"""The environment example: its functions against ``packaging``, its tables against ``importlib.metadata``, its demo."""

from __future__ import annotations

import csv
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    import duckdb

REPOSITORY = Path(__file__).parents[2]
EXAMPLE = REPOSITORY / "examples" / "environment"


def load(name: str) -> ModuleType:
    """A module of the example, imported as its worker imports it: from its own folder."""
    spec = importlib.util.spec_from_file_location(f"environment_example_{name}", EXAMPLE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(EXAMPLE))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(EXAMPLE))
    return module


worker, versions, licenses, markers = map(load, ("worker", "versions", "licenses", "markers"))


# Versions.

numbers = st.integers(0, 12).map(str)
separators = st.sampled_from(["", ".", "-", "_"])


def part(*words: str) -> st.SearchStrategy[str]:
    """Nothing, or one of the words with separators and perhaps a number."""
    number = st.one_of(st.just(""), st.tuples(separators, numbers).map("".join))
    return st.one_of(st.just(""), st.tuples(separators, st.sampled_from(words), number).map("".join))


releases = st.lists(numbers, min_size=1, max_size=4).map(".".join)
public_versions = st.tuples(
    st.sampled_from(["", "", "v", "1!"]),
    releases,
    part("a", "b", "rc", "alpha", "BETA", "c", "pre", "preview"),
    st.one_of(part("post", "rev", "r"), st.just("-1")),
    part("dev"),
).map("".join)
local_labels = st.lists(st.sampled_from(["0", "2", "10", "007", "abc", "cu118", "z"]), max_size=3).map(
    lambda labels: "+" + ".".join(labels) if labels else ""
)
any_version = st.tuples(public_versions, local_labels).map("".join)


def order(version: str) -> tuple[Any, ...]:
    key: tuple[Any, ...] | None = versions.version_key(version)
    assert key is not None, version
    return key


@settings(deadline=None)
@given(any_version, any_version)
@example("1.0", "1")
@example("1.0.dev1", "1.0a1.dev1")
@example("1.0+2", "1.0+10")
@example("1.0+9", "1.0+abc")
@example("1.0.post1", "1.0.1.dev0")
def test_version_keys_compare_as_the_versions_do(a: str, b: str) -> None:
    assert (order(a) < order(b)) == (Version(a) < Version(b))
    assert (order(a) == order(b)) == (Version(a) == Version(b))


@settings(deadline=None)
@given(st.text("01.v!abrcdevpost-_+ x", max_size=12))
@example("0r_")
@example("1.0-")
@example("1.0-1-1")
def test_a_version_key_is_null_exactly_for_what_is_no_version(text: str) -> None:
    try:
        Version(text)
    except InvalidVersion:
        valid = False
    else:
        valid = True
    assert (versions.version_key(text) is not None) == valid


@pytest.mark.parametrize("text", ["", "unknown", "1..0", "2004d", "1.0+", "1.0 beta x", "٣.١", "1.9223372036854775808"])
def test_no_version_has_neither_key_nor_series_nor_fits(text: str) -> None:
    assert versions.version_key(text) is None
    assert versions.version_series(text) is None
    assert versions.version_matches(text, ">=0") is None


def test_version_series() -> None:
    assert versions.version_series("3.11.7") == "3.11"
    assert versions.version_series("v26.0rc1", 1) == "26"
    assert versions.version_series("7", 3) == "7"


clauses = st.one_of(
    st.tuples(st.sampled_from(["<", "<=", ">", ">=", "==", "!=", "~="]), public_versions),
    st.tuples(st.sampled_from(["==", "!="]), st.sampled_from(["", " "]), any_version),
    st.tuples(st.sampled_from(["==", "!="]), releases, st.just(".*")),
).map("".join)


@settings(deadline=None)
@given(any_version, st.lists(clauses, max_size=2).map(", ".join))
@example("2.0rc1", "<2")
@example("0a", "<0.post1")
@example("1.dev0", "<1a1")
@example("2.0.post1", ">2")
@example("2.0.post1", ">2.post0")
@example("2.0.post1", ">2.0rc1")
@example("2.0+local", ">2")
@example("2.0+local", "==2.0")
@example("2.0+local", "<=2.0")
@example("1.4.5", "~=1.4.2")
@example("1.5", "~=1")
@example("1.0", "==1.0.0.*")
@example("1.0", "===1.0")
@example("1.0", "===1")
@example("1.0", ">=1.0+local")
@example("1.0", "1.0")
def test_version_matches_as_pip_would_decide(version: str, specifier: str) -> None:
    try:
        expected = SpecifierSet(specifier).contains(version, prereleases=True)
    except InvalidSpecifier:
        assert versions.version_matches(version, specifier) is None
    else:
        assert versions.version_matches(version, specifier) == expected


# Markers.

INSTALLED_MARKERS = sorted(
    {
        str(requirement.marker)
        for distribution in metadata.distributions()
        for requirement in map(Requirement, distribution.requires or ())
        if requirement.marker is not None
    }
)


@pytest.mark.parametrize(
    "marker",
    [
        "python_version >= '3.9' and (sys_platform == 'win32' or os_name == 'posix')",
        "python_full_version < '3.11.0rc1'",
        "'linux' in sys_platform",
        "platform_system not in 'Windows, Darwin'",
        "implementation_name == 'cpython' and extra == 'fast'",
        "extra == 'other' or '3' > python_version",
        *INSTALLED_MARKERS,
    ],
)
def test_a_marker_applies_where_pip_would_heed_it(marker: str) -> None:
    for extra in ("", "fast"):
        assert markers.marker_applies(marker, extra) == Marker(marker).evaluate({"extra": extra})


@pytest.mark.parametrize(
    "marker", ["", "python_version", "no_such_name == '1'", "os.name == 'posix'", "__import__('x')", "'"]
)
def test_a_marker_that_cannot_be_read_is_neither_true_nor_false(marker: str) -> None:
    assert markers.marker_applies(marker, "") is None


# Licenses.

MIT = """MIT License

Copyright (c) 2020 Somebody

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies of the Software.
"""


@pytest.mark.parametrize(
    ("statement", "spdx"),
    [
        ("MIT", "MIT"),
        ("mit license", "MIT"),
        ("The MIT License (MIT)", "MIT"),
        ("License :: OSI Approved :: MIT License", "MIT"),
        ("License :: DFSG approved; License :: OSI Approved :: MIT License", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache 2.0", "Apache-2.0"),
        ("3-Clause BSD License", "BSD-3-Clause"),
        ("BSD 3-Clause", "BSD-3-Clause"),
        ("BSD 2-Clause License", "BSD-2-Clause"),
        ("License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("License :: OSI Approved :: GNU General Public License v3 or later (GPLv3+)", "GPL-3.0-or-later"),
        ("GPLv2", "GPL-2.0-only"),
        ("LGPL-3.0+", "LGPL-3.0-or-later"),
        ("License :: OSI Approved :: Python Software Foundation License", "PSF-2.0"),
        ("ISC License (ISCL)", "ISC"),
        ("apache-2.0 or (bsd-3-clause and MIT)", "Apache-2.0 OR (BSD-3-Clause AND MIT)"),
        (MIT, "MIT"),
        ((REPOSITORY / "LICENSE").read_text("utf-8"), "Apache-2.0"),
    ],
)
def test_a_license_by_its_many_names(statement: str, spdx: str) -> None:
    assert licenses.license_spdx(statement) == spdx


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "BSD",
        "License :: OSI Approved :: BSD License",
        "Apache Software License",
        "GPL",
        "GPL (>= 2)",
        "License :: OSI Approved",
        "License :: OSI Approved :: MIT License; License :: OSI Approved :: Apache Software License",
        "License :: OSI Approved :: MIT License; License :: Free for non-commercial use",
        "MIT AND",
        "MIT Apache-2.0",
        "(MIT AND Zlib",
        "MIT AND Proprietary",
        "All rights reserved. " * 20,
        MIT + (REPOSITORY / "LICENSE").read_text("utf-8"),
    ],
)
def test_a_statement_that_leaves_the_license_open_is_null(statement: str) -> None:
    assert licenses.license_spdx(statement) is None


def test_the_csv_file_has_every_license_that_can_be_found_and_no_other() -> None:
    with (EXAMPLE / "licenses.csv").open(encoding="utf-8", newline="") as file:
        facts = list(csv.DictReader(file, strict=True))
    assert [fact["license"] for fact in facts] == sorted(licenses.SPDX)
    for fact in facts:
        assert licenses.license_spdx(fact["license"].lower()) == fact["license"]
        assert fact["kind"] in ("permissive", "weak copyleft", "strong copyleft", "public domain")
        assert fact["asks"]
        assert len(fact) == 3


# Texts and names.


def test_measures_of_texts() -> None:
    texts = pa.array(["import x\n\n  # why\n\tif x:  # then\r\n\r\n#", "", "\n\n", "x"])
    assert worker.code_lines(texts).to_pylist() == [2, 0, 0, 1]
    assert worker.comment_lines(texts).to_pylist() == [2, 0, 0, 0]
    assert worker.words("Größe, größer: snake_case 12") == 4
    assert worker.words("Größe, größer: snake_case 12", 6) == 2


def test_names_are_normalised_as_indexes_do() -> None:
    for name in ("Foo__Bar.baz", "foo-bar-baz", "A.-_b"):
        assert worker.package_name(name) == canonicalize_name(name)


# Through the engine.


def location(python_path: Path | None = None) -> str:
    command = shlex.join([sys.executable, "-m", "duckwing.cli", "run", str(EXAMPLE / "worker.py")])
    path = os.pathsep.join(filter(None, [str(python_path or ""), os.environ.get("PYTHONPATH", "")]))
    return f"exec env PYTHONPATH={shlex.quote(path)} {command}"


@pytest.fixture
def env(connection: duckdb.DuckDBPyConnection, attach: Callable[..., str]) -> duckdb.DuckDBPyConnection:
    attach(connection, location(), "environment", "env")
    return connection


def installed() -> dict[str, metadata.Distribution]:
    """What Python finds under each name, found without the example."""
    return {canonicalize_name(d.name): d for d in reversed(list(metadata.distributions()))}


def size_on_disk(distribution: metadata.Distribution) -> int:
    return sum(os.path.getsize(path) for path in files_of(distribution) if os.path.isfile(path))


def files_of(distribution: metadata.Distribution) -> list[str]:
    record = distribution.read_text("RECORD")
    assert record is not None
    return [os.path.join(str(distribution.locate_file("")), row[0]) for row in csv.reader(record.splitlines())]


@pytest.mark.sql
def test_distributions_are_those_that_python_finds(env: duckdb.DuckDBPyConnection) -> None:
    rows = env.execute("SELECT name, version, requires FROM env.distributions() ORDER BY name").fetchall()
    assert rows == [(name, d.version, list(d.requires or [])) for name, d in sorted(installed().items())]
    [(files, size, license)] = env.execute(
        "SELECT files, bytes, env.license_spdx(license) FROM env.distributions() WHERE name = 'pyarrow'"
    ).fetchall()
    pyarrow = installed()["pyarrow"]
    assert files == sum(map(os.path.exists, files_of(pyarrow)))
    assert size == size_on_disk(pyarrow)
    assert license == "Apache-2.0"


@pytest.mark.sql
def test_requirements_are_read_as_pip_reads_them(env: duckdb.DuckDBPyConnection) -> None:
    expected = []
    for name, distribution in installed().items():
        for requirement in map(Requirement, distribution.requires or ()):
            extra = re.search(r"extra == \"([^\"]+)\"", str(requirement.marker))
            chosen = {"extra": extra[1] if extra else ""}
            active = requirement.marker is None or requirement.marker.evaluate(chosen)
            expected.append(
                (name, canonicalize_name(requirement.name), str(requirement.specifier), extra and extra[1], active)
            )
    rows = env.execute("SELECT distribution, requires, specifier, extra, active FROM env.requirements()").fetchall()
    found = [(name, requires, str(SpecifierSet(specifier)), *rest) for name, requires, specifier, *rest in rows]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


@pytest.mark.sql
def test_files_of_one_distribution(env: duckdb.DuckDBPyConnection) -> None:
    rows = env.execute("SELECT module, path, bytes, lines FROM env.files(distribution := 'Packaging')").fetchall()
    assert sorted(path for _, path, _, _ in rows) == sorted(
        path for path in files_of(installed()["packaging"]) if path.endswith(".py")
    )
    for module, path, size, lines in rows:
        assert importlib.util.find_spec(module).origin == path  # type: ignore[union-attr]
        with open(path, "rb") as file:
            assert lines == sum(1 for _ in file)
        assert size == os.path.getsize(path)


@pytest.mark.sql
def test_a_distribution_that_is_not_installed_is_an_error(env: duckdb.DuckDBPyConnection) -> None:
    import duckdb

    with pytest.raises(duckdb.Error, match="no distribution 'no-such-thing' is installed"):
        env.execute("FROM env.files(distribution := 'no-such-thing')").fetchall()


@pytest.mark.sql
def test_duckdb_sorts_and_compares_version_keys(env: duckdb.DuckDBPyConnection) -> None:
    texts = [
        "1.10",
        "1.9",
        "1.9rc2",
        "1.9.dev3",
        "1.9.post1",
        "1!0.1",
        "1.9+b",
        "1.9+3",
        "1.9+12",
        "0.9.9",
        "1.9a1.dev2",
    ]
    rows = env.execute("SELECT v FROM (SELECT unnest(?) AS v) ORDER BY env.version_key(v)", [texts]).fetchall()
    assert [text for (text,) in rows] == sorted(texts, key=Version)
    query = "SELECT env.version_key('1.0') = env.version_key('1'), env.version_key('nonsense'), env.version_key(NULL)"
    assert env.execute(query).fetchall() == [(True, None, None)]


@pytest.mark.sql
def test_measures_of_a_column_of_sources(env: duckdb.DuckDBPyConnection) -> None:
    query = """
        WITH sources AS (SELECT lines, env.source_text(path) AS text FROM env.files(distribution := 'packaging'))
        SELECT sum(lines), sum(env.code_lines(text)), sum(env.comment_lines(text)),
               sum(env.words(text)), sum(env.words(text, 8))
        FROM sources
    """
    texts = [Path(path).read_text("utf-8") for path in files_of(installed()["packaging"]) if path.endswith(".py")]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    words = [word for text in texts for word in re.split(r"\W+", text) if word]
    comments = [line for line in lines if line.startswith("#")]
    code = [line for line in lines if line and line not in comments]
    expected = (len(lines), len(code), len(comments), len(words), len([word for word in words if len(word) >= 8]))
    assert env.execute(query).fetchall() == [expected]
    assert env.execute("SELECT env.code_lines(NULL), env.words(NULL), env.source_text(NULL)").fetchall() == [
        (None,) * 3
    ]


# Installations that are not in order.


def make_distribution(
    folder: Path, name: str, version: str, metadata_lines: str = "", files: str | None = None
) -> Path:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata_lines}"
    (info / "METADATA").write_text(text, "utf-8")
    if files is not None:
        (info / "RECORD").write_text("".join(f"{file},,\n" for file in files.split()), "utf-8")
    return info


@pytest.fixture
def broken(
    tmp_path: Path, connection: duckdb.DuckDBPyConnection, attach: Callable[..., str]
) -> duckdb.DuckDBPyConnection:
    site, project = tmp_path / "it's a site", tmp_path / "project"
    (site / "empty-1.0.dist-info").mkdir(parents=True)
    (make_distribution(site, "garbled", "1.0") / "METADATA").write_bytes(b"Name: \xff\xfe\n")
    make_distribution(site, "recordless", "2.0")
    make_distribution(site, "packaging", "0.1", files="")  # before the real one
    make_distribution(
        site, "odd_one", "3.0", "Requires-Dist: ???\n", files="latin.py fake.py gone.py folder.py odd_one/__init__.py"
    )
    (site / "latin.py").write_bytes("# -*- coding: latin-1 -*-\nname = 'Größe'".encode("latin-1"))
    (site / "fake.py").write_bytes("name = 'Größe'\n".encode("latin-1"))
    (site / "folder.py").mkdir()
    (site / "odd_one").mkdir()
    (site / "odd_one" / "__init__.py").touch()
    make_distribution(site, "linked", "4.0", files="linked.pth")
    (site / "linked.pth").write_text(f"import os\n{project}\n", "utf-8")
    (project / "linked" / "inner").mkdir(parents=True)
    (project / "linked" / "__init__.py").write_text("")
    (project / "linked" / "inner" / "deep.py").write_text("x = 1\n\n")
    (project / "notes").mkdir()
    (project / "notes" / "loose.py").write_text("no package")
    attach(connection, location(site), "environment", "env")
    connection.execute("CALL enable_logging('VGI')")
    return connection


def warnings(connection: duckdb.DuckDBPyConnection) -> str:
    query = "SELECT parse_duckdb_log_message('VGI', message).event FROM duckdb_logs WHERE log_level = 'WARNING'"
    return "\n".join(event for (event,) in connection.execute(query).fetchall())


@pytest.mark.sql
def test_a_broken_distribution_is_left_out_and_logged(broken: duckdb.DuckDBPyConnection) -> None:
    rows = broken.execute("SELECT name, version, files, bytes FROM env.distributions()").fetchall()
    sizes = {name: (version, files, size) for name, version, files, size in rows}
    assert len(rows) == len(sizes)
    assert set(sizes) == set(installed()) | {"recordless", "odd-one", "linked"}
    assert sizes["recordless"] == ("2.0", None, None)
    assert sizes["packaging"][0] == "0.1"
    assert sizes["odd-one"][:2] == ("3.0", 4)
    said = warnings(broken)
    for name in ("empty-1.0.dist-info", "garbled-1.0.dist-info", "recordless"):
        assert name in said


@pytest.mark.sql
def test_a_requirement_that_cannot_be_read_costs_one_distribution_only(broken: duckdb.DuckDBPyConnection) -> None:
    rows = broken.execute("SELECT DISTINCT distribution FROM env.requirements()").fetchall()
    assert ("odd-one",) not in rows
    assert ("pytest",) in rows
    assert "'???' is no requirement" in warnings(broken)


@pytest.mark.sql
def test_files_that_cannot_be_read_as_python(broken: duckdb.DuckDBPyConnection) -> None:
    query = "SELECT module, lines, env.source_text(path) FROM env.files(distribution := 'odd_one') ORDER BY module"
    assert broken.execute(query).fetchall() == [
        ("fake", 1, None),
        ("latin", 2, "# -*- coding: latin-1 -*-\nname = 'Größe'"),
        ("odd_one", 0, ""),
    ]
    said = warnings(broken)
    assert "folder.py" in said
    assert "fake.py" in said


@pytest.mark.sql
def test_an_editable_distribution_leads_to_its_sources(broken: duckdb.DuckDBPyConnection) -> None:
    rows = broken.execute("SELECT module, lines FROM env.files(distribution := 'linked') ORDER BY module").fetchall()
    assert rows == [("linked", 0), ("linked.inner.deep", 2)]


# The demo.


def tables(output: str) -> list[list[dict[str, str]]]:
    """The rows of each table in ``output``, by column."""
    found: list[list[dict[str, str]]] = []
    names: list[str] = []
    section = ""
    for line in output.splitlines():
        if line[:1] in ("┌", "├", "└"):
            section = line[0]
            if section == "┌":
                names = []
                found.append([])
        elif line.startswith("│"):
            cells = [cell.strip() for cell in line.strip("│").split("│")]
            if section == "┌":
                names = names or cells
            else:
                found[-1].append(dict(zip(names, cells, strict=True)))
    return found


@pytest.mark.sql
def test_the_demo_answers_its_questions(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLE / "demo.py")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    answers = tables(done.stdout)
    questions = re.findall(r"^-- .*\?", done.stdout, re.MULTILINE)
    assert len(answers) == len(questions) == done.stdout.count("\nFROM env.") + done.stdout.count("\nWITH ")
    assert all(answers)
    with_paths = ("ATTACH", "    TYPE vgi", "CREATE VIEW")
    assert [line for line in done.stdout.splitlines() if len(line) > 100 and not line.startswith(with_paths)] == []

    distributions = installed()
    space, code, _, fit, unfinished, license_facts, _, own = answers
    sizes = {name: size_on_disk(distribution) for name, distribution in distributions.items()}
    largest = max(sizes, key=lambda name: sizes[name])
    assert (space[0]["name"], space[0]["version"]) == (largest, distributions[largest].version)
    assert {row["name"] for row in code} <= set(distributions)
    assert "is not installed" not in [row["state"] for row in fit if row["required"] == "always"]
    assert {row["name"] for row in unfinished} == {
        n for n, d in distributions.items() if Version(d.version) < Version("1")
    }
    assert ("Apache-2.0", "permissive") in [(row["license"], row["kind"]) for row in license_facts]
    for row in own:
        spec = importlib.util.find_spec(row["module"])
        assert spec is not None
        assert spec.origin is not None
        assert int(row["lines"]) == len(Path(spec.origin).read_text("utf-8").splitlines())
        assert 0 < int(row["code"]) <= int(row["lines"])
        assert int(row["words"]) > int(row["long_words"]) > 0
