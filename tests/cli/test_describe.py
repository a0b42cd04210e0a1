"""``duckwing describe``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from duckwing.cli.app import main

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = str(ROOT / "examples" / "all_in_one" / "worker.py")
WORKERS = ROOT / "tests" / "sql" / "workers"


def test_it_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", EXAMPLE]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "catalog weather"
    assert "  setting weather_unit VARCHAR" in lines
    assert "    scalar fahrenheit(celsius DOUBLE) -> DOUBLE" in lines
    place = lines.index("    table function days(first DATE, count BIGINT) -> (day TIMESTAMP)")
    assert lines[place + 1 : place + 4] == [
        "        Days, one after the other.",
        "          first: the first day.",
        "          count: how many.",
    ]
    kinds = {line.strip().split("(")[0].rsplit(" ", 1)[0] for line in lines if line.startswith("    ") and "(" in line}
    assert kinds >= {
        *("scalar", "table function", "row function", "table-in-out", "buffering", "aggregate"),
        *("table", "macro", "table macro"),
    }
    assert max(map(len, lines)) <= 100


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", EXAMPLE, "--json", "--catalog", "WEATHER"]) == 0
    [catalog] = json.loads(capsys.readouterr().out)["catalogs"]
    main_schema, names = catalog["schemas"]
    functions = {function["name"]: function for function in main_schema["functions"]}
    assert functions["plausible"]["kind"] == "table-in-out"
    assert functions["plausible"]["columns"] is None
    assert functions["plausible"]["arguments"][1] == {
        "name": "highest",
        "type": "DOUBLE",
        "named": True,
        "default": 60.0,
        "description": "the upper limit.",
    }
    assert functions["measurements"]["arguments"][1]["choices"] == ["north", "south"]
    assert functions["mean_of"]["returns"] == "DOUBLE"
    [june] = main_schema["tables"]
    assert june["primary_key"] == ["time"]
    assert [function["name"] for function in names["functions"]] == ["slug"]


def test_several_catalogs_and_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", str(WORKERS / "options.py")]) == 1
    out = capsys.readouterr().out
    assert "  option user VARCHAR, required" in out
    assert "cannot be attached: " in out
    options = ["--option", "user=ada", "--option", "token=x", "--option", "pin=3"]
    assert main(["describe", str(WORKERS / "options.py"), "--catalog", "vault", *options]) == 0
    assert "scalar opens(token VARCHAR) -> BOOLEAN" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([EXAMPLE, "--catalog", "nosuch"], "error: the worker has no catalog 'nosuch'"),
        (["http://localhost:1"], "cannot connect to http://localhost:1: Connection refused"),
        (["missing.py"], "error: there is no file"),
        (["exit 3"], "it exited with status 3"),
        ([str(WORKERS / "options.py"), "--option", "pin=x", "--catalog", "vault"], "option 'pin' must be INTEGER"),
    ],
)
def test_errors(capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["describe", *arguments]) == 1
    assert message in capsys.readouterr().err
