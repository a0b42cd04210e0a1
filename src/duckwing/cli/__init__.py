"""The ``duckwing`` command.

``duckwing run`` and ``duckwing serve`` start inside somebody's query, so this module decides about
them before it imports anything else; all other commands live in
:mod:`duckwing.cli.app`.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command that ``sys.argv`` holds and return the exit status."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["run"]:
        from . import run

        return run.main(arguments[1:])
    if arguments[:1] == ["serve"]:
        from . import serve

        return serve.main(arguments[1:])
    try:
        from . import app
    except ModuleNotFoundError as missing:
        if missing.name not in ("typer", "rich"):
            raise
        print(
            f'error: the package "{missing.name}" is missing; run: pip install "duckwing[cli]" '
            '(only "duckwing run" and "duckwing serve" work without it)',
            file=sys.stderr,
        )
        return 1
    return app.main(arguments)
