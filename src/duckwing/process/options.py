"""The command line that every worker understands (spec 03, section 3)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

_LATER = ("--unix", "--tcp", "--http")


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    Attributes:
        quiet: say nothing to a person at a terminal.
    """

    quiet: bool = False


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the flags of a worker; words and flags of the author's own are left alone.

    Raises:
        SystemExit: with status 2, after a message on standard error, for a transport that this version
            does not have.
    """
    for argument in arguments:
        flag = argument.split("=", 1)[0]
        if flag in _LATER:
            print(
                f"{flag} is not supported by this version of Duckwing, which serves over standard input and output: "
                "start it without the flag, or give DuckDB the command itself as LOCATION",
                file=sys.stderr,
            )
            raise SystemExit(2)
    quiet = "--quiet" in arguments or "-q" in arguments or os.environ.get("VGI_QUIET") == "1"
    return Options(quiet=quiet)
