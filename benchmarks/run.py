"""Measure Duckwing, as ratios to peers and limits measured in the same run: ``python benchmarks/run.py --help``."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> int:
    # Started as a script, Python puts this folder on the path; the package "benchmarks" is one above.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from benchmarks.command import main as command

    return command()


if __name__ == "__main__":
    raise SystemExit(main())
