"""Arrow-IPC RPC over byte streams: a public layer of its own that knows nothing of VGI.

Declare messages as frozen dataclasses (:mod:`~duckwing.rpc.codec`), methods and protocols from
them (:mod:`~duckwing.rpc.method`), serve them with :class:`~duckwing.rpc.server.Server` and call
them with :class:`~duckwing.rpc.client.Client`. The core does no I/O: it is made of generators
that ask for bytes and hand out bytes (:mod:`~duckwing.rpc.framing`), and whatever moves bytes can
drive it. ``docs/rpc.md`` shows a complete service.
"""

from __future__ import annotations
