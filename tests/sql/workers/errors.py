"""Functions that fail with messages of every shape."""

from collections.abc import Iterator

import duckwing as dw
from duckwing.types import BIGINT

errors = dw.Catalog("errors")


@errors.scalar(name="SayNo")
def say_no(value: int, message: str) -> int:
    raise LookupError(message)


@errors.scalar
def own(value: int) -> int:
    raise dw.ArgumentError("the author's own words")


@errors.table_function(columns={"n": BIGINT})
def converts(text: str) -> Iterator[tuple[int]]:
    yield (_number(text),)


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise LookupError("not a number") from error
