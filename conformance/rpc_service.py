"""A service of the RPC layer alone, over each transport: ``python conformance/rpc_service.py [--unix PATH | …]``."""

from __future__ import annotations

from duckwing.http.hosting import serve
from duckwing.rpc.method import NoParams, Protocol, unary
from rpc import calls, diary, streams, values

WHICH = unary("which", NoParams, str, idempotency="no_side_effects")

CONFORMANCE = Protocol(
    "duckwing.conformance.v1",
    "1.4.2",
    {**values.METHODS, **calls.METHODS, **streams.METHODS, **diary.METHODS, "which": WHICH},
)
NEXT = Protocol("duckwing.conformance.v2", "2.0.0", {"which": WHICH})
UNVERSIONED = Protocol("duckwing.conformance", "", {"which": WHICH})
"""The same method, in three protocols."""

HOSTED = [
    (
        CONFORMANCE,
        {
            **values.HANDLERS,
            **calls.HANDLERS,
            **streams.HANDLERS,
            **diary.HANDLERS,
            "which": lambda call, request: "v1",
        },
    ),
    (NEXT, {"which": lambda call, request: "v2"}),
    (UNVERSIONED, {"which": lambda call, request: "unversioned"}),
]

if __name__ == "__main__":
    serve(HOSTED, name="conformance")
