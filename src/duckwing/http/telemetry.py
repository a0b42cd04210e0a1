"""Spans of calls for OpenTelemetry, where it is installed: with its own tools it is said where they go."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from .access import Access


class Telemetry:
    """Makes a span of each call, as part of the caller's trace.

    Raises:
        ModuleNotFoundError: OpenTelemetry is not installed.
    """

    def __init__(self) -> None:
        from opentelemetry import metrics, propagate, trace

        self._tracer = trace.get_tracer("duckwing")
        self._trace, self._measuring = trace, metrics
        self._extract = propagate.extract
        self._fields = propagate.get_global_textmap().fields
        meter = metrics.get_meter("duckwing")
        self._seconds = meter.create_histogram("vgi.server.duration", "s", "Seconds of a call.")
        self._rows = meter.create_counter("vgi.server.rows", "{row}", "Rows in answers.")

    def is_wanted(self, headers: Mapping[str, str]) -> bool:
        """Whether anything hears of a call: its caller's trace goes on in it, or somebody has set up where spans go."""
        providers = (self._trace.get_tracer_provider(), self._measuring.get_meter_provider())
        return any(map(_records, providers)) or any(field in headers for field in self._fields)

    @contextlib.contextmanager
    def call(self, access: Access, headers: Mapping[str, str]) -> Iterator[None]:
        """The span of a call.

        Args:
            access: what is known of it; more when it is over.
            headers: of the request, in lower case.
        """
        parent = self._extract(headers)
        kind = self._trace.SpanKind.SERVER
        with self._tracer.start_as_current_span("vgi call", context=parent, kind=kind) as span:
            try:
                yield
            finally:
                span.update_name(f"{access.protocol}/{access.method}" if access.protocol else access.http_method)
                attributes: dict[str, Any] = {
                    "rpc.system": "vgi",
                    "rpc.service": access.protocol,
                    "rpc.method": access.method,
                    "http.response.status_code": access.status,
                    "vgi.request_id": access.id,
                    "vgi.function": access.function,
                    "vgi.rows": access.rows,
                    "enduser.id": access.principal,
                }
                span.set_attributes({key: value for key, value in attributes.items() if value not in ("", None)})
                if access.failed:
                    span.set_status(self._trace.StatusCode.ERROR)
                labels = {"rpc.method": access.method}
                self._seconds.record(access.elapsed, labels)
                if access.rows:
                    self._rows.add(access.rows, labels)


def _records(provider: object) -> bool:
    """Whether a provider does anything; those that are part of the API do not."""
    return not type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))


def telemetry() -> Telemetry | None:
    """What makes spans; None where OpenTelemetry is not installed."""
    try:
        return Telemetry()
    except ModuleNotFoundError:
        return None
