"""The main worker: seven catalogs in one process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from accumulate import accumulate
from example import example
from narrow_bind import narrow_bind
from projection_repro import projection_repro
from schema_reconcile import schema_reconcile
from twins import twin_a, twin_b

import duckwing as dw
from duckwing.rpc.call import ANONYMOUS, Identity

if TYPE_CHECKING:
    from duckwing.http.authentication import Presented

worker = dw.Worker(example, accumulate, schema_reconcile, projection_repro, narrow_bind, twin_a, twin_b)

CALLERS = {"Bearer vgi-test-alice": "alice", "Bearer vgi-test-bob": "bob"}


def whoever(presented: Presented) -> Identity:
    """Who calls, if it says so; everybody may."""
    name = CALLERS.get(presented.headers.get("authorization", ""))
    return ANONYMOUS if name is None else Identity("bearer", name, True)


if "VGI_BEARER_TOKENS" not in os.environ:  # then these alone may call
    worker.authenticate(whoever)

if __name__ == "__main__":
    worker.run()
