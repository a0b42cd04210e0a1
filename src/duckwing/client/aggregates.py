"""Aggregates: the caller numbers the groups, the worker keeps their states (spec 05, section 11)."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError
from ..functions.secrets import secrets_batch
from ..protocol.aggregates import (
    AGGREGATE_BIND,
    AGGREGATE_COMBINE,
    AGGREGATE_DESTRUCTOR,
    AGGREGATE_FINALIZE,
    AGGREGATE_UPDATE,
    AggregateBindRequest,
    AggregateCombineRequest,
    AggregateDestructorRequest,
    AggregateFinalizeRequest,
    AggregateUpdateRequest,
)
from ..protocol.listing import ObjectType
from ..rpc.errors import ProtocolError, RpcError
from .arguments import encode_arguments
from .batches import checked
from .exchanges import divided, numbered
from .inputs import as_array, columns, slices
from .parallel import together
from .session import Session
from .signatures import choose

GROUP_ID = "__vgi_group_id"


def aggregate(
    session: Session,
    name: str,
    arguments: Sequence[Any],
    groups: Any,
    schema: str | None,
    rows: int | None,
    threads: int,
) -> pa.Scalar | pa.Table:
    """The result over all rows, or a table with a row for each group."""
    if threads < 1:
        raise ArgumentError(f"threads= is at least 1, not {threads}")
    what = f"function '{name}'"
    signature = choose(session.signatures(name, ObjectType.AGGREGATE_FUNCTION, schema), arguments, {}, what)
    constants, pairs = divided(signature, arguments, what)
    keys, ids = _groups(groups, what)
    arrays = columns(pairs, what, rows if ids is None else len(ids))
    if rows is None:
        rows = len(ids) if ids is not None else len(arrays[0]) if arrays else 1
    batch = numbered(arrays, rows)
    place: dict[str, Any] = {"attach_opaque_data": session.attachment, "schema_path": session.path(schema)}
    bound = session.rpc.call(
        AGGREGATE_BIND,
        AggregateBindRequest(
            function_name=name,
            arguments=encode_arguments(constants, {}),
            input_schema=batch.schema,
            settings=session.settings,
            secrets=None if signature is None else secrets_batch(session.find_secrets(signature.info.required_secrets)),
            argument_names=None if signature is None else signature.names(len(arguments)),
            **place,
        ),
    )
    if len(bound.output_schema) != 1:
        raise ProtocolError(f"{what} must have one column of results, not {len(bound.output_schema)}")
    execution = (name, bound.execution_id)
    count = 1 if keys is None else len(keys)
    numbers = ids if ids is not None else pa.array([0] * rows, pa.int64())
    try:
        _update(session, execution, batch, numbers, count, threads, place)
        results = []
        for wanted in slices([_ids(group_id=range(count))]):
            request = AggregateFinalizeRequest(*execution, wanted, bound.output_schema, **place)
            answer = checked(session.rpc.call(AGGREGATE_FINALIZE, request).result_batch, bound.output_schema, what)
            if answer.num_rows != wanted.num_rows:
                raise ProtocolError(f"{what} gave {answer.num_rows} results for {wanted.num_rows} groups")
            results.append(answer.column(0))
    finally:
        with suppress(RpcError):  # best effort: what is left is swept by age
            end = AggregateDestructorRequest(*execution, _ids(group_id=[0]), **place)
            session.rpc.call(AGGREGATE_DESTRUCTOR, end)
    if keys is None:
        return results[0][0]
    column = pa.chunked_array(results, bound.output_schema.field(0).type)
    return pa.Table.from_arrays([pa.chunked_array([keys]), column], names=["group", "result"])


def _update(
    session: Session,
    execution: tuple[str, bytes],
    batch: pa.RecordBatch,
    numbers: pa.Array,
    count: int,
    threads: int,
    place: dict[str, Any],
) -> None:
    """Take in the rows. Each thread has groups of its own, which are then merged into those of the first."""
    import pyarrow.compute as pc

    share = max(1, -(-batch.num_rows // threads))

    def take_in(thread: int) -> None:
        part = batch.slice(thread * share, share)
        ids = pc.add(numbers.slice(thread * share, share), thread * count)
        grouped = pa.RecordBatch.from_arrays([ids, *part.columns], names=[GROUP_ID, *part.schema.names])
        for piece in slices([grouped]):
            session.rpc.call(AGGREGATE_UPDATE, AggregateUpdateRequest(*execution, piece, **place))

    used = range(max(1, -(-batch.num_rows // share)))
    together([functools.partial(take_in, thread) for thread in used])
    for thread in used[1:]:
        seen = pc.unique(numbers.slice(thread * share, share)).to_pylist()
        for piece in slices([_ids(source_group_id=[thread * count + number for number in seen], target_group_id=seen)]):
            session.rpc.call(AGGREGATE_COMBINE, AggregateCombineRequest(*execution, piece, **place))


def _groups(groups: Any, what: str) -> tuple[pa.Array | None, pa.Array | None]:
    """The distinct groups as they come, NULL being one, and the number of each row's."""
    if groups is None:
        return None, None
    column = as_array(groups)
    try:
        coded = column.dictionary_encode(null_encoding="encode")
    except pa.ArrowException as error:
        raise ArgumentError(f"{what}: rows cannot be grouped by {column.type}: {error}") from None
    return coded.dictionary, coded.indices.cast(pa.int64())


def _ids(**named: Iterable[int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {name: list(ids) for name, ids in named.items()}, schema=pa.schema([(name, pa.int64()) for name in named])
    )
