"""The main worker: seven catalogs in one process."""

from __future__ import annotations

from accumulate import accumulate
from example import example
from narrow_bind import narrow_bind
from projection_repro import projection_repro
from schema_reconcile import schema_reconcile
from twins import twin_a, twin_b

import duckwing as dw

worker = dw.Worker(example, accumulate, schema_reconcile, projection_repro, narrow_bind, twin_a, twin_b)

if __name__ == "__main__":
    worker.run()
