"""Functions of one schema that SQL could not tell apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ..errors import DeclarationError
from ..functions.signature import Parameter, call_form
from ..types import ANY
from ..types.forms import arrival, shares_arrival

ROOMS = {
    "scalar": "scalar",
    "table_function": "table",
    "row_function": "table",
    "table_in_out": "table",
    "buffering": "table",
    "aggregate": "aggregate",
}
"""Where SQL looks for a function of each kind: kinds of one room share their names."""


def check_clashes(schema: str, function: Any, rooms: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
    """Refuse a function whose calls would be mixed up with those of another.

    Args:
        schema: name of the schema.
        function: what is to be added to it.
        rooms: what it has, by room and name in lower case.

    Raises:
        DeclarationError: they would.
    """
    room, name = ROOMS[function.kind], function.name.casefold()
    for other_room, functions in rooms.items():
        clash = functions.get(name)
        if clash and ("table" not in (room, other_room) and room != other_room):
            raise DeclarationError(
                f"schema '{schema}' already has {_with_article(clash[0].kind)} '{function.name}'; "
                f"SQL cannot tell {_with_article(function.kind)} of that name apart"
            )
    same_name = rooms[room].get(name, ())
    if any(other is function for other in same_name):
        raise DeclarationError(f"function '{function.name}' is already in schema '{schema}'")
    for other in same_name:
        if other.kind != function.kind or function.kind in ("table_in_out", "buffering"):
            raise DeclarationError(
                f"schema '{schema}' already has {_with_article(other.kind)} '{function.name}'; DuckDB cannot "
                "choose between functions of one name where one takes a table. Give one of them another name"
            )
    by_name = room != "table"
    for form in function.signature.forms():
        for other in (other for same in same_name for other in same.signature.forms()):
            if _alike(form, other, by_name):
                raise DeclarationError(_indistinct(schema, function.name, other, form, by_name))


def _with_article(kind: str) -> str:
    text = kind.replace("_", " ")
    text = text if text.endswith("function") else f"{text} function"
    return f"an {text}" if text[0] in "aeiou" else f"a {text}"


def _alike(one: Sequence[Parameter], other: Sequence[Parameter], by_name: bool) -> bool:
    """Whether a call of one overload cannot be told from a call of the other by what arrives.

    Named arguments tell nothing (spec 06, section 3), the names of positional ones do for scalars.
    """
    one, other = ([p for p in form if p.kind != "named"] for form in (one, other))
    if [p.kind for p in one] != [p.kind for p in other]:
        return False
    if not all(map(_arrive_alike, (p.type for p in one), (p.type for p in other))):
        return False
    return not by_name or [p.name for p in one] == [p.name for p in other] or _same_types(one, other)


def _same_types(one: Sequence[Parameter], other: Sequence[Parameter]) -> bool:
    return [p.type for p in one] == [p.type for p in other]


def _arrive_alike(one: pa.DataType, other: pa.DataType) -> bool:
    if one.equals(ANY) or other.equals(ANY):
        return bool(one.equals(other)) or shares_arrival(one) or shares_arrival(other)
    return bool(arrival(one).equals(arrival(other)))


def _indistinct(schema: str, name: str, one: Sequence[Parameter], other: Sequence[Parameter], by_name: bool) -> str:
    calls = f"schema '{schema}' already has {call_form(name, one)}, whose calls"
    if by_name and not _same_types(one, other):
        return (
            f"{calls} arrive like those of {call_form(name, other)}; give the parameters of one of them other names, "
            "which tell them apart"
        )
    return f"{calls} cannot be told from those of {call_form(name, other)}; give one of them another name"
