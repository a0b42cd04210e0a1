"""``duckwing check``: the problems of a worker, one line each."""

from __future__ import annotations

import sys

from ..testing import check as look


def check(worker: str, *, strict: bool, run_examples: bool) -> int:
    """Print the problems of a worker.

    Args:
        worker: a Python file, or a LOCATION that is a command.
        strict: warnings count as errors.
        run_examples: whether the examples of its functions are run.

    Returns:
        The exit status: 1 if there are errors.

    Raises:
        Error: there is no such file.
    """
    report = look(worker, run_examples=run_examples)
    for problem in report.problems:
        print(f"{worker}: {problem}")
    for left_out in report.not_checked:
        print(f"{worker}: not checked: {left_out}", file=sys.stderr)
    errors = sum(problem.severity == "error" for problem in report.problems)
    warnings = len(report.problems) - errors
    print(f"{_counted(errors, 'error')}, {_counted(warnings, 'warning')}", file=sys.stderr)
    return 1 if errors or (strict and warnings) else 0


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
