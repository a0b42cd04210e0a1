"""What OpenTelemetry hears of calls, and nothing else: that nobody listens costs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from duckwing.http.telemetry import telemetry

from .serving import PATIENCE

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def traced(*words: str) -> Any:
    """What was recorded of a process whose calls belong to a trace."""
    command = [sys.executable, "-m", "tests.http.workers.traced", f"00-{TRACE}-{CALLER}-01", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["halves"] == [1.0, 2.0, 3.0]
    assert "no negative numbers" in report["error"]
    return report


def test_calls_are_spans_of_the_callers_trace() -> None:
    report = traced("sdk")
    assert {span["context"]["trace_id"] for span in report["spans"]} == {f"0x{TRACE}"}
    calls = [span for span in report["spans"] if span["kind"] == "SpanKind.SERVER"]
    assert {span["parent_id"] for span in calls} == {f"0x{CALLER}"}
    first = calls[0]
    assert first["name"] == "vgi.v2/catalog_catalogs"
    assert first["attributes"]["rpc.system"] == "vgi"
    assert (first["attributes"]["rpc.service"], first["attributes"]["rpc.method"]) == ("vgi.v2", "catalog_catalogs")
    assert first["attributes"]["http.response.status_code"] == 200
    *_, opened, failed = calls
    assert opened["attributes"]["vgi.function"] == failed["attributes"]["vgi.function"] == "scalar function 'half'"
    assert [span["status"]["status_code"] for span in (opened, failed)] == ["UNSET", "ERROR"]
    assert sum(span["attributes"]["vgi.rows"] for span in calls) == 3


def test_spans_of_functions_belong_to_their_calls() -> None:
    spans = traced("sdk")["spans"]
    own = [span for span in spans if span["name"] == "halving"]
    assert len(own) == 4
    calls = {span["context"]["span_id"]: span["name"] for span in spans}
    assert {calls[span["parent_id"]] for span in own} == {"vgi.v2/init"}


def test_seconds_and_rows_are_measured() -> None:
    [resource] = traced("sdk")["metrics"]["resource_metrics"]
    [scope] = resource["scope_metrics"]
    found = {metric["name"]: metric["data"]["data_points"] for metric in scope["metrics"]}
    counts = {point["attributes"]["rpc.method"]: point["count"] for point in found["vgi.server.duration"]}
    assert counts["catalog_catalogs"] == 1
    assert counts["bind"] == 2
    assert counts["init"] == 4
    [rows] = found["vgi.server.rows"]
    assert (rows["attributes"], rows["value"]) == ({"rpc.method": "init"}, 3)


def test_the_callers_trace_goes_through_a_worker_that_records_nothing() -> None:
    assert traced()["seen"] == [TRACE]


def test_what_nobody_hears_is_not_recorded() -> None:
    listening = telemetry()
    assert listening is not None
    assert not listening.is_wanted({"content-type": "x"})
    assert listening.is_wanted({"traceparent": f"00-{TRACE}-{CALLER}-01"})
