"""The worker of ``example``, which says of the scalar ``double`` that NULLs are handled in a way that there is not."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence
from typing import Any

from example import example

import duckwing as dw
from duckwing.protocol.functions import FunctionInfo
from duckwing.service import describe, listing


class Unheard(enum.Enum):
    """What is no :class:`duckwing.protocol.functions.NullHandling`."""

    WEIRD = enum.auto()


def with_weird_double(schema: str, functions: Sequence[Any]) -> list[FunctionInfo]:
    """The records of scalars, of which one has a bogus value."""
    weird: Any = Unheard.WEIRD
    return [
        dataclasses.replace(info, null_handling=weird) if info.name == "double" else info
        for info in describe.scalar_infos(schema, functions)
    ]


vars(listing)["scalar_infos"] = with_weird_double

if __name__ == "__main__":
    dw.Worker(example).run()
