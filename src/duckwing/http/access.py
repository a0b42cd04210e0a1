"""One line of the log for each request (spec 02, section 19)."""

from __future__ import annotations

import contextvars
import json
import logging
import time
from dataclasses import dataclass, field

access_log = logging.getLogger("duckwing.access")

request_id: contextvars.ContextVar[str] = contextvars.ContextVar("duckwing_request_id", default="")
"""The request that is being worked on, also in the thread of an author's function."""


@dataclass
class Access:
    """A request, as its answer was made.

    Attributes:
        id: of the request; the client may have chosen it.
        http_method: such as ``POST``.
        path: as it was asked for, cut to a sensible length.
        protocol: of the call; ``""`` if it was none.
        method: of the call.
        function: what the call was about, if a handler has found it out.
        principal: who called; ``""`` if nobody is known.
        status: of the response.
        failed: the answer was an error.
        request_bytes: of the body, as it travelled.
        response_bytes: of the body, as it travelled.
        rows: in the answer's data.
        cancelled: the client wanted no more of a stream.
        seconds: from the request's head to the answer's end.
    """

    id: str
    http_method: str
    path: str
    protocol: str = ""
    method: str = ""
    function: str = ""
    principal: str = ""
    status: int = 0
    failed: bool = False
    request_bytes: int = 0
    response_bytes: int = 0
    rows: int = 0
    cancelled: bool = False
    seconds: float = 0.0
    began: float = field(default_factory=time.perf_counter, repr=False)

    @property
    def elapsed(self) -> float:
        """Seconds since the request's head."""
        return time.perf_counter() - self.began

    def write(self) -> None:
        """Write the line: JSON, as it is read by programs."""
        self.seconds = round(self.elapsed, 6)
        if access_log.isEnabledFor(logging.INFO):
            fields = {key: value for key, value in vars(self).items() if key != "began" and value not in ("", False)}
            access_log.info("%s", json.dumps(fields))


def name_requests() -> None:
    """Have what is logged from now on, by authors' functions too, say during which request it was."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(_name_request)


def _name_request(record: logging.LogRecord) -> bool:
    request = request_id.get()
    record.__dict__.update(request_id=request, request=f" [request {request}]" if request else "")
    return True
