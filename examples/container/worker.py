"""What the image serves."""

from collections.abc import Iterator

import duckwing as dw
from duckwing.types import BIGINT, VARCHAR

words = dw.Catalog("words", comment="A worker in a container")


@words.scalar
def shouted(text: str) -> str:
    """A text in capitals, with an exclamation mark."""
    return f"{text.upper()}!"


@words.table_function(columns={"letter": VARCHAR, "times": BIGINT})
def letters(text: str) -> Iterator[tuple[str, int]]:
    """How often each letter occurs."""
    for letter in sorted(set(text)):
        yield letter, text.count(letter)
