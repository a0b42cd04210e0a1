"""Write a small lake: orders of four years, a folder for each, several row groups to a file.

python examples/parquet_lake/make_data.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

YEARS = range(2021, 2025)
ROWS_PER_YEAR = 100_000
ROWS_PER_GROUP = 10_000


def make(folder: Path) -> None:
    """Write the files under ``folder``; always the same ones."""
    random = np.random.default_rng(42)
    for year in YEARS:
        start = (year - YEARS[0]) * ROWS_PER_YEAR
        orders = pa.table(
            {
                "id": np.arange(start, start + ROWS_PER_YEAR),
                "customer": random.integers(0, 1000, ROWS_PER_YEAR),
                "amount": np.round(random.gamma(2.0, 50.0, ROWS_PER_YEAR), 2),
                "note": pa.array([f"order {n} of {year}" for n in range(ROWS_PER_YEAR)]),
            }
        )
        target = folder / f"year={year}"
        target.mkdir(parents=True, exist_ok=True)
        pq.write_table(orders, target / "orders.parquet", row_group_size=ROWS_PER_GROUP)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
