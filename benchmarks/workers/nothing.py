"""An aggregate whose handlers do nothing: what is left is the client, the engine, and the calls themselves."""

from typing import Any

import pyarrow as pa

import duckwing as dw
from duckwing.protocol.aggregates import AggregateFinalizeRequest, AggregateResponse
from duckwing.protocol.shared import NoResult
from duckwing.service import aggregates

nothing = dw.Catalog("nothing")


@nothing.aggregate(name="vsum")
class Sum:
    total: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        raise AssertionError("the handler below does not call it")

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        raise AssertionError("the handler below does not call it")


def _answer(service: Any, call: Any, request: Any) -> NoResult:
    return NoResult()


def _zeros(service: Any, call: Any, request: AggregateFinalizeRequest) -> AggregateResponse:
    column = pa.repeat(pa.scalar(0, pa.int64()), request.group_ids_batch.num_rows)
    return AggregateResponse(pa.RecordBatch.from_arrays([column], schema=request.output_schema))


# The server looks its handlers up in this module when they are first called.
aggregates.aggregate_update = aggregates.aggregate_combine = _answer
aggregates.aggregate_finalize = _zeros
