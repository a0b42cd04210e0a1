"""A table function that is as fast as numpy."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

import duckwing as dw
from duckwing.types import BIGINT

counting = dw.Catalog("counting")


@counting.table_function(columns={"n": BIGINT})
def count_up(count: int, *, rows: int) -> Iterator[dict[str, npt.NDArray[np.int64]]]:
    """Count up from zero, in batches of ``rows``."""
    for start in range(0, count, rows):
        yield {"n": np.arange(start, min(start + rows, count))}
