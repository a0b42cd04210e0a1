"""What moves the bytes of a connection. Transports know the RPC layer and nothing above it."""

from __future__ import annotations
