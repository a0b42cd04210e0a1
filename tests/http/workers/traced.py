"""A worker whose calls are traced, in a process of its own: OpenTelemetry is set up once in a process.

Prints, as JSON, what was recorded of calls within the trace whose ``traceparent`` is the first argument. With the word
``sdk`` as a second one, spans and metrics are recorded; without it, there is only OpenTelemetry's API.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from opentelemetry import metrics, trace

import duckwing as dw
from duckwing.protocol.catalogs import CATALOG_CATALOGS
from duckwing.rpc.errors import RemoteError
from duckwing.rpc.method import NoParams

from ..serving import call_body, serving

traced = dw.Catalog("traced")
seen: list[str] = []


@traced.scalar
def half(n: int) -> float:
    """Half of a number, which takes a span of its own."""
    with trace.get_tracer("author").start_as_current_span("halving") as span:
        seen.append(f"{span.get_span_context().trace_id:032x}")
        if n < 0:
            raise ValueError("no negative numbers")
        return n / 2


def main() -> None:
    traceparent, *words = sys.argv[1:]
    report: dict[str, Any] = {}
    collect = record_everything() if words == ["sdk"] else dict
    with serving(traced) as client:
        client.headers["traceparent"] = traceparent
        assert client.post("/vgi.v2/catalog_catalogs", call_body(CATALOG_CATALOGS, NoParams())).status == 200
        catalog = client.connect().attach("traced")
        report["halves"] = catalog.scalar("half", [2, 4, 6]).to_pylist()
        try:
            catalog.scalar("half", [-1])
        except RemoteError as error:
            report["error"] = str(error)
    # The server has ended, and with it all spans.
    report |= collect()
    report["seen"] = sorted(set(seen))
    json.dump(report, sys.stdout)


def record_everything() -> Any:
    """Set OpenTelemetry up; what is returned tells the spans and the metrics."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(tracers)
    metrics.set_meter_provider(MeterProvider([reader]))

    def collect() -> dict[str, Any]:
        found = [json.loads(span.to_json()) for span in spans.get_finished_spans()]
        measured = reader.get_metrics_data()
        assert measured is not None
        return {"spans": found, "metrics": json.loads(measured.to_json())}

    return collect


if __name__ == "__main__":
    main()
