"""``duckwing call``."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from duckwing.cli.app import main

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = str(ROOT / "examples" / "all_in_one" / "worker.py")
WORKERS = ROOT / "tests" / "sql" / "workers"

TABLE = pa.table({"station": ["north", "south", "north"], "celsius": [10.0, 20.0, None]})


def printed(capsys: pytest.CaptureFixture[str], *arguments: str, worker: str = EXAMPLE) -> str:
    assert main(["call", worker, *arguments]) == 0
    return capsys.readouterr().out


def rows(capsys: pytest.CaptureFixture[str], *arguments: str, worker: str = EXAMPLE) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(printed(capsys, *arguments, "--format", "json", worker=worker))
    return found


@pytest.fixture(
    params=[
        "parquet",
        "csv",
        *(pytest.param(form, marks=pytest.mark.full) for form in ("arrow", "feather", "json", "jsonl")),
    ]
)
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """``TABLE`` in each format."""
    path = tmp_path / f"in.{request.param}"
    match request.param:
        case "parquet":
            pq.write_table(TABLE, path)
        case "arrow":
            with pa.ipc.new_stream(path, TABLE.schema) as writer:
                writer.write_table(TABLE)
        case "feather":
            pyarrow.feather.write_feather(TABLE, path)
        case "csv":
            path.write_text("station,celsius\nnorth,10\nsouth,20\nnorth,\n")
        case "json":
            path.write_text(json.dumps(TABLE.to_pylist()))
        case _:
            path.write_text("".join(json.dumps(row) + "\n" for row in TABLE.to_pylist()))
    return path


def test_functions_of_values(capsys: pytest.CaptureFixture[str]) -> None:
    assert rows(capsys, "fahrenheit", "20") == [{"result": 68.0}]
    assert rows(capsys, "weather.names.slug", "Mount St. Helens") == [{"result": "mount-st-helens"}]
    assert rows(capsys, "names.slug", ":x") == [{"result": "x"}]
    assert rows(capsys, "degrees", "20", "--setting", "weather_unit=fahrenheit") == [{"result": "68.0 °F"}]
    assert rows(capsys, "days", "2024-02-28", "2") == [{"day": "2024-02-28 00:00:00"}, {"day": "2024-02-29 00:00:00"}]
    found = rows(capsys, "measurements", "2", "--named", "station=south", "--columns", "celsius", "--limit", "2")
    assert found == [{"celsius": 14.8}, {"celsius": 13.9}]
    assert rows(capsys, "june", "--columns", "celsius", "--limit", "1") == [{"celsius": 14.8}]
    assert rows(capsys, "read_report", "06:00 12.5, 07:00 13", "--limit", "1") == [{"time": "06:00", "celsius": 12.5}]
    assert "-40.0" in printed(capsys, "--format", "csv", "fahrenheit", "--", "-40")


def test_files_of_all_kinds_are_input(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    given = ["--input", str(file)]
    assert rows(capsys, "fahrenheit", ":celsius", *given) == [{"result": 50.0}, {"result": 68.0}, {"result": None}]
    assert rows(capsys, "dew_point", ":celsius", "100", *given)[2] == {"result": None}
    assert rows(capsys, "mean_of", ":celsius", *given) == [{"result": 15.0}]
    grouped = rows(capsys, "mean_of", "--groups", "station", *given)
    assert grouped == [{"group": "north", "result": 10.0}, {"group": "south", "result": 20.0}]
    assert rows(capsys, "span", ":celsius", "..", *given) == [{"result": "10..20"}]
    assert rows(capsys, "plausible", "--named", "measure=celsius", "--named", "lowest=15", *given) == [
        {"station": "south", "celsius": 20.0}
    ]
    assert len(rows(capsys, "extremes", "--named", "measure=celsius", "--named", "k=1", *given)) == 2


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "json", "md"])
def test_files_of_all_kinds_are_output(capsys: pytest.CaptureFixture[str], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    assert printed(capsys, "measurements", "1", "--columns", "celsius,station", "--output", str(path)) == ""
    match suffix:
        case "parquet":
            assert pq.read_table(path)["celsius"].to_pylist()[:2] == [6.8, 5.9]
        case "arrow":
            assert pa.ipc.open_stream(path).read_all().num_rows == 24
        case "csv":
            assert path.read_text().splitlines()[:2] == ["celsius,station", "6.8,north"]
        case "json":
            assert json.loads(path.read_text())[0] == {"celsius": 6.8, "station": "north"}
        case _:
            assert path.read_text().splitlines()[0] == "| celsius | station |"


def test_arrow_through_pipes() -> None:
    command = [sys.executable, "-m", "duckwing.cli", "call", EXAMPLE, "measurements", "1", "--format", "arrow"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert pa.ipc.open_stream(io.BytesIO(done.stdout)).read_all().num_rows == 24


def test_parts_are_read_by_several(capsys: pytest.CaptureFixture[str]) -> None:
    worker = str(WORKERS / "splits.py")
    found = rows(capsys, "splits.ranges", "1000", "10", "--threads", "3", "--columns", "n", worker=worker)
    assert sorted(row["n"] for row in found if isinstance(row["n"], int)) == list(range(1000))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch", "1"], "there is no function 'nosuch'"),
        (["nosuch"], "there is no table 'nosuch'"),
        (["a.b.c.d"], "expected [CATALOG.][SCHEMA.]FUNCTION"),
        (["wrong.main.days"], "name the catalog, as in CATALOG.days; the worker serves weather"),
        (["measurements", "x"], "argument 'days' must be BIGINT, got 'x'"),
        (["measurements", "1", "--named", "wrong=1"], "has no argument 'wrong'"),
        (["measurements", "1", "--columns", "x"], "there is no column 'x'"),
        (["measurements", "1", "--output", "x.xyz"], "give --format, or a name that ends in .parquet"),
        (["measurements", "1", "--output", "/no/such/folder/x.csv"], "cannot be written: No such file"),
        (["plausible", "--named", "measure=celsius"], "takes a table: give a file with --input"),
        (["mean_of", ":x", "--groups", "station"], "must be DOUBLE, got ':x'"),
        (["fahrenheit", "1", "--input", "missing.csv"], "missing.csv cannot be read"),
        (["fahrenheit", "1", "--input", "x.xyz"], "the suffix says what is in a file"),
        (["degrees", "20", "--setting", "weather_unit=kelvin"], "weather_unit is 'kelvin'"),
    ],
)
def test_errors(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["call", EXAMPLE, *arguments]) == 1
    assert message in capsys.readouterr().err


def test_a_failed_call_leaves_no_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "out.arrow"
    assert main(["call", str(WORKERS / "splits.py"), "splits.mistaken", "scan raises", "--output", str(path)]) == 1
    assert "nothing in 2" in capsys.readouterr().err
    assert not path.exists()


def test_options_that_are_no_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", EXAMPLE, "days", "--named", "count"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err
