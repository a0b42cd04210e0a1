"""A folder of Parquet files as a table, in one line.

python examples/parquet_lake/make_data.py lake
LAKE=lake duckwing sql examples/parquet_lake/worker.py -f examples/parquet_lake/demo.sql
"""

from __future__ import annotations

import os

import duckwing as dw

lake = dw.Catalog("lake", comment="Orders of a shop, a folder for each year")
lake.table("orders", dw.dataset(os.environ.get("LAKE", "lake"), name="scan_orders"), comment="Every order")

if __name__ == "__main__":
    dw.Worker(lake).run()
