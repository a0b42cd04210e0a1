"""A cache of its own for each test, and an npm that does as it is told."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from duckwing.engine.extension import engine_home
from duckwing.engine.target import this_target

_FAKE_NPM = """\
#!{python}
import json, pathlib, sys
arguments = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps(arguments) + "\\n")
prefix = pathlib.Path(arguments[arguments.index("--prefix") + 1])
packages = [argument for argument in arguments if argument.startswith("@haybarn/")]

def unpack(package, content):
    leaf = prefix / "node_modules" / package
    (leaf / "bin").mkdir(parents=True)
    (leaf / "package.json").write_text(json.dumps({{"name": package, "version": "202609.1.2"}}))
    extension = package.split("/ext-")[1].split("-")[0]
    (leaf / "bin" / (extension + ".duckdb_extension")).write_text(content)

{body}
"""

UNPACK_ALL = "for package in packages:\n    unpack(package, 'binary of ' + package)"


@dataclass(frozen=True)
class Npm:
    """The fake npm, and what it was asked."""

    log: Path

    def calls(self) -> list[list[str]]:
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; gives the folder that the engine's files go to."""
    monkeypatch.setenv("DUCKWING_CACHE", str(tmp_path / "it's a cache"))
    monkeypatch.delenv("DUCKWING_EXTENSION", raising=False)
    return engine_home(this_target())


@pytest.fixture
def fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Npm]:
    """``fake_npm(body)`` puts an npm on PATH, and nothing else, that runs `body` in Python."""

    def make(body: str = UNPACK_ALL) -> Npm:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        log = tmp_path / "npm.log"
        npm = folder / "npm"
        npm.write_text(_FAKE_NPM.format(python=sys.executable, log=str(log), body=body))
        npm.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return Npm(log)

    return make
