"""Executions and transactions belong to the caller who began them, whatever another caller knows of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.client.arguments import encode_arguments
from duckwing.http.authentication import Presented
from duckwing.protocol.aggregates import (
    AGGREGATE_BIND,
    AGGREGATE_DESTRUCTOR,
    AGGREGATE_FINALIZE,
    AGGREGATE_UPDATE,
    AggregateBindRequest,
    AggregateDestructorRequest,
    AggregateFinalizeRequest,
    AggregateUpdateRequest,
)
from duckwing.protocol.attach import CATALOG_ATTACH, CatalogAttachRequest
from duckwing.protocol.shared import AttachmentParams
from duckwing.protocol.transactions import (
    CATALOG_TRANSACTION_BEGIN,
    CATALOG_TRANSACTION_COMMIT,
    CATALOG_TRANSACTION_ROLLBACK,
    TransactionEndParams,
)
from duckwing.rpc.call import Identity
from duckwing.rpc.errors import RemoteError

from .serving import Browserless, HttpClient, serving

FOREIGN = "begun by or for somebody else"

owned = dw.Catalog("owned", transactions=True)


@owned.aggregate
class total:
    """A sum."""

    sum: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return pa.array(groups.take(self.sum))


@pytest.fixture(scope="module")
def people() -> Iterator[tuple[HttpClient, HttpClient]]:
    """Ann and Bob."""

    def check(presented: Presented) -> Identity:
        return Identity("bearer", presented.headers["authorization"], True)

    with serving(owned, authenticate=check) as ann, Browserless(*ann.ports) as bob:
        ann.headers["Authorization"] = "ann"
        bob.headers["Authorization"] = "bob"
        yield HttpClient(ann), HttpClient(bob)


def attached(client: HttpClient) -> bytes:
    return client.call(CATALOG_ATTACH, CatalogAttachRequest("owned")).attach_opaque_data


def test_an_aggregate_is_its_callers(people: tuple[HttpClient, HttpClient]) -> None:
    ann, bob = people
    bind = AggregateBindRequest(
        function_name="total",
        arguments=encode_arguments((), {}),
        input_schema=pa.schema([("value", pa.int64())]),
        attach_opaque_data=attached(ann),
    )
    begun = ann.call(AGGREGATE_BIND, bind)
    id_ = begun.execution_id
    rows = pa.RecordBatch.from_pydict({"group": pa.array([0, 0, 0], pa.int64()), "value": [1, 2, 3]})
    groups = pa.RecordBatch.from_pydict({"group_id": pa.array([0], pa.int64())})
    ann.call(AGGREGATE_UPDATE, AggregateUpdateRequest(execution_id=id_, input_batch=rows, function_name="total"))
    finalize = AggregateFinalizeRequest("total", id_, groups, begun.output_schema)
    for stolen in (id_, id_[:-32], id_[:-32] + bytes(32), id_[:16]):
        for method, request in (
            (AGGREGATE_UPDATE, AggregateUpdateRequest(execution_id=stolen, input_batch=rows, function_name="total")),
            (AGGREGATE_FINALIZE, replace(finalize, execution_id=stolen)),
            (AGGREGATE_DESTRUCTOR, AggregateDestructorRequest("total", stolen, groups)),
        ):
            with pytest.raises(RemoteError, match=FOREIGN):
                bob.call(method, request)  # type: ignore[misc]
    answer = ann.call(AGGREGATE_FINALIZE, finalize)
    assert answer.result_batch.column(0).to_pylist() == [6]


def test_a_transaction_is_its_callers(people: tuple[HttpClient, HttpClient]) -> None:
    ann, bob = people
    mine, his = attached(ann), attached(bob)
    id_ = ann.call(CATALOG_TRANSACTION_BEGIN, AttachmentParams(mine)).transaction_opaque_data
    assert id_ is not None
    for method in (CATALOG_TRANSACTION_COMMIT, CATALOG_TRANSACTION_ROLLBACK):
        for stolen in (id_, id_[:16]):
            with pytest.raises(RemoteError, match=FOREIGN):
                bob.call(method, TransactionEndParams(his, stolen))
    ann.call(CATALOG_TRANSACTION_COMMIT, TransactionEndParams(mine, id_))
