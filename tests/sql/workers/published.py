"""Functions that are called without the catalog's name."""

from __future__ import annotations

from collections.abc import Iterator

import duckwing as dw
from duckwing.types import BIGINT

published = dw.Catalog("published")
other = published.schema("other")


@published.scalar
def twice(x: int) -> int:
    """Twice a number."""
    return 2 * x


@other.table_function(columns={"n": BIGINT})
def some(count: int) -> Iterator[tuple[int]]:
    """Some numbers."""
    for n in range(count):
        yield (n,)


@published.aggregate
class largest:
    """The largest number."""

    value: int = 0

    def update(self, value: int) -> None:
        self.value = max(self.value, value)

    def merge(self, other: largest) -> None:
        self.value = max(self.value, other.value)

    def result(self) -> int:
        return self.value


@published.scalar
def hidden(x: int) -> int:
    """Not published."""
    return x


published.publish(twice, some, *published.aggregates("largest"), prefix="dw")

if __name__ == "__main__":
    dw.Worker(published).run()
