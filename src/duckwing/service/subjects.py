"""What a call is about, for the errors of user code in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..rpc.call import Call

_KINDS = {
    "scalar": "scalar function",
    "table_function": "table function",
    "row_function": "row function",
    "table_in_out": "table_in_out function",
    "buffering": "buffering function",
    "aggregate": "aggregate",
}


def say_function(call: Call, function: Any) -> None:
    """Have errors of user code name ``function`` from here on: a declared function of any kind."""
    call.subject = f"{_KINDS[function.kind]} '{function.name}'"
