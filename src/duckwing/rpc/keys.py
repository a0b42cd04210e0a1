"""Metadata keys of the RPC layer (spec 01, section 3)."""

from __future__ import annotations

METHOD = b"vgi_rpc.method"
REQUEST_VERSION = b"vgi_rpc.request_version"
PROTOCOL = b"vgi_rpc.protocol"
PROTOCOL_VERSION = b"vgi_rpc.protocol_version"
REQUEST_ID = b"vgi_rpc.request_id"
SERVER_ID = b"vgi_rpc.server_id"
CANCEL = b"vgi_rpc.cancel"
LOG_LEVEL = b"vgi_rpc.log_level"
LOG_MESSAGE = b"vgi_rpc.log_message"
LOG_EXTRA = b"vgi_rpc.log_extra"
ERROR_KIND = b"vgi_rpc.error_kind"
STREAM_STATE = b"vgi_rpc.stream_state#b64"
CALL_STATE = b"vgi_rpc.call_state#b64"
LOCATION = b"vgi_rpc.location"
LOCATION_SHA256 = b"vgi_rpc.location.sha256"
SHM_OFFSET = b"vgi_rpc.shm_offset"
SHM_LENGTH = b"vgi_rpc.shm_length"
SHM_SEGMENT_NAME = b"vgi_rpc.shm_segment_name"
SHM_SEGMENT_SIZE = b"vgi_rpc.shm_segment_size"
TRANSPORT_SHM = b"vgi_rpc.transport.shm"

FRAMING_VERSION = b"1"
"""Value of ``vgi_rpc.request_version``: the version of the framing itself."""

TRANSPORT_OPTIONS = "__transport_options__"
"""Method name of the transport negotiation, answered before any routing."""

RETIRED_DESCRIBE = "__describe__"
"""Method name of the introspection of protocol 1.3.0."""

NO_MESSAGE = b"\xff" * 8
"""The start of a message of negative length: an error to every reader. It is written into the stream of
a process that died in the middle of it, because the mere end of a stream may pass for an orderly one."""
