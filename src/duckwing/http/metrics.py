"""Counters of requests, in the form that Prometheus reads.

A worker of several processes keeps them in a folder that its supervisor names in ``PROMETHEUS_MULTIPROC_DIR``, so
that whichever process is asked gives the sums of all.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.responses import Response

from .access import Access

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """What is counted in this process.

    Args:
        waiting: gives the number of calls that wait or are being worked on.
    """

    def __init__(self, waiting: Callable[[], int]):
        self._own = CollectorRegistry()
        self._requests = Counter(
            "vgi_requests", "Requests, by method of the protocol and outcome.", ("method", "status"), registry=self._own
        )
        self._seconds = Histogram(
            "vgi_request_seconds", "Seconds of a request.", ("method",), registry=self._own, buckets=_SECONDS
        )
        self._rows = Counter("vgi_rows", "Rows in answers.", ("method",), registry=self._own)
        self._received = Counter(
            "vgi_received_bytes", "Bytes of request bodies, as they travelled.", registry=self._own
        )
        self._sent = Counter("vgi_sent_bytes", "Bytes of answers' bodies, as they travelled.", registry=self._own)
        self._waiting = Gauge(
            "vgi_calls_in_progress",
            "Calls that wait or are being worked on.",
            registry=self._own,
            multiprocess_mode="livesum",
        )
        self._look = waiting

    def count(self, access: Access) -> None:
        """Count a request that has been answered."""
        method = access.method if access.protocol else "other"
        outcome = "error" if access.failed and access.status == 200 else str(access.status)
        self._requests.labels(method, outcome).inc()
        self._seconds.labels(method).observe(access.seconds)
        if access.rows:
            self._rows.labels(method).inc(access.rows)
        self._received.inc(access.request_bytes)
        self._sent.inc(access.response_bytes)
        self._waiting.set(self._look())

    def response(self) -> Response:
        """All counters, of all processes."""
        registry = self._own
        if FOLDER_VARIABLE in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
