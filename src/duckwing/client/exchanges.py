"""Calls that send rows: scalars, row functions, table-in-out and buffering functions (spec 05, sections 6, 9, 10)."""

from __future__ import annotations

import base64
import dataclasses
import uuid
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pyarrow as pa

from ..errors import CatalogError
from ..functions.nulls import take
from ..protocol import metadata
from ..protocol.buffering import (
    TABLE_BUFFERING_COMBINE,
    TABLE_BUFFERING_DESTRUCTOR,
    TABLE_BUFFERING_PROCESS,
    BufferingCombineRequest,
    BufferingDestructorRequest,
    BufferingProcessRequest,
)
from ..protocol.calls import INIT, CallType, InitRequest, Phase
from ..protocol.functions import FunctionType
from ..protocol.listing import ObjectType
from ..rpc.errors import ProtocolError, RpcError
from ..rpc.framing import Batch
from .arguments import encode_arguments
from .batches import Batches, checked
from .inputs import columns, one_value, slices, table_batches
from .scans import produced
from .session import Session
from .signatures import Signature, choose, property_of


def scalar(session: Session, name: str, arguments: Sequence[Any], schema: str | None, rows: int | None) -> pa.Array:
    """The results of a scalar function, a value for each row."""
    what = f"function '{name}'"
    signature = choose(session.signatures(name, ObjectType.SCALAR_FUNCTION, schema), arguments, {}, what)
    constants, pairs = divided(signature, arguments, what)
    arrays = columns(pairs, what, rows)
    length = rows if rows is not None else len(arrays[0]) if arrays else 1
    batch = numbered(arrays, length)
    request = session.request(
        name,
        CallType.SCALAR,
        schema,
        arguments=encode_arguments(constants, {}),
        input_schema=batch.schema,
        argument_names=None if signature is None else signature.names(len(arguments)),
    )
    start = session.bind(request, () if signature is None else signature.info.required_secrets)
    if len(start.output_schema) != 1:
        raise ProtocolError(f"{what} must have one column of results, not {len(start.output_schema)}")
    results = []
    with session.rpc.open(INIT, start, batch.schema) as stream:
        for part in slices([batch]):
            answer = checked(stream.exchange(part).data, start.output_schema, what)
            if answer.num_rows != part.num_rows:
                raise ProtocolError(f"{what} gave {answer.num_rows} results for {part.num_rows} rows")
            results.append(answer.column(0))
    return pa.concat_arrays(results) if results else pa.nulls(0, start.output_schema.field(0).type)


def row(
    session: Session,
    name: str,
    arguments: Sequence[Any],
    named: Mapping[str, Any],
    schema: str | None,
    lateral: bool,
) -> Batches:
    """The rows that a row function makes of each row of its columns."""
    what = f"function '{name}'"
    signature = choose(session.signatures(name, ObjectType.TABLE_FUNCTION, schema), arguments, named, what)
    if signature is not None and not signature.info.input_from_args:
        raise CatalogError(f"{what} is not called with columns; use scan() or transform()")
    fields = _fields(signature, arguments)
    arrays = columns(list(zip(fields, arguments, strict=True)), what)
    batch = pa.RecordBatch.from_arrays(
        arrays, schema=pa.schema([pa.field(f.name, a.type) for f, a in zip(fields, arrays, strict=True)])
    )
    request = session.request(
        name,
        CallType.TABLE,
        schema,
        arguments=encode_arguments((), _named(signature, named, what)),
        input_schema=batch.schema,
    )
    start = session.bind(request, () if signature is None else signature.info.required_secrets)
    start = dataclasses.replace(start, phase=Phase.INPUT, substream_id=uuid.uuid4().bytes)
    output = start.output_schema

    def run() -> Generator[pa.RecordBatch, None, None]:
        with session.rpc.open(INIT, start, batch.schema) as stream:
            for part in slices([batch]):
                answer = stream.exchange(part)
                made = checked(answer.data, output, what)
                yield _beside(part, answer, made, what) if lateral else made

    return Batches(pa.schema([*batch.schema, *output]) if lateral else output, run())


def transform(
    session: Session,
    name: str,
    table: Any,
    arguments: Sequence[Any],
    named: Mapping[str, Any],
    schema: str | None,
) -> Batches:
    """The rows that a table-in-out or buffering function makes of a table."""
    what = f"function '{name}'"
    signature = choose(session.signatures(name, ObjectType.TABLE_FUNCTION, schema), arguments, named, what)
    if signature is None:
        raise CatalogError(f"the worker lists no function '{name}' that takes a table")
    if not signature.table:
        raise CatalogError(f"{what} takes no table; use scan() or row()")
    columns_of_input, batches = table_batches(table, what)
    fields = _fields(signature, arguments)
    pairs = zip(fields, arguments, strict=True)
    values = [one_value(v, f.type, f"{what}: argument '{f.name}'") for f, v in pairs if v is not None]
    request = session.request(
        name,
        CallType.TABLE,
        schema,
        arguments=encode_arguments(values, _named(signature, named, what)),
        input_schema=columns_of_input,
    )
    start = session.bind(request, signature.info.required_secrets)
    if signature.info.function_type is FunctionType.TABLE_BUFFERING:
        produce = buffered(session, name, schema, start, columns_of_input, batches)
    else:
        produce = exchanged(session, start, columns_of_input, batches, what, signature.info.has_finalize)
    return Batches(start.output_schema, produce)


def exchanged(
    session: Session,
    start: InitRequest,
    input_schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    what: str,
    finishes: bool,
) -> Generator[pa.RecordBatch, None, None]:
    """What an exchange answers, and what comes after its last batch. Without input there is no call at all."""
    begin = dataclasses.replace(start, phase=Phase.INPUT, substream_id=uuid.uuid4().bytes)
    source = iter(batches)
    batch = next(source, None)
    if batch is None:
        return
    # What a worker keeps for the finish may be in the process behind this connection.
    with session.rpc.connection() as connection:
        with connection.open(INIT, begin, input_schema) as stream:
            while batch is not None:
                yield checked(stream.exchange(batch).data, start.output_schema, what)
                batch = next(source, None)
            execution = stream.header.execution_id
        if finishes:
            finish = dataclasses.replace(begin, phase=Phase.FINALIZE, execution_id=execution)
            yield from produced(connection.open(INIT, finish), start.output_schema, what)


def buffered(
    session: Session,
    name: str,
    schema: str | None,
    start: InitRequest,
    input_schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
) -> Generator[pa.RecordBatch, None, None]:
    """What a buffering function makes of all its input. Without input there is no call at all."""
    what = f"function '{name}'"
    numbered_batches = enumerate(batches)
    item = next(numbered_batches, None)
    if item is None:
        return
    with session.rpc.open(INIT, dataclasses.replace(start, phase=Phase.TABLE_BUFFERING), input_schema) as stream:
        execution = stream.header.execution_id
    place: dict[str, Any] = {
        "attach_opaque_data": session.attachment,
        "transaction_id": session.transaction,
        "schema_path": session.path(schema),
    }
    try:
        state = b""
        while item is not None:
            number, batch = item
            sink = BufferingProcessRequest(name, execution, batch, batch_index=number, **place)
            state = session.rpc.call(TABLE_BUFFERING_PROCESS, sink).state_id
            item = next(numbered_batches, None)
        combine = BufferingCombineRequest(name, execution, (state,), **place)
        for share in session.rpc.call(TABLE_BUFFERING_COMBINE, combine).finalize_state_ids:
            source = dataclasses.replace(
                start, phase=Phase.TABLE_BUFFERING_FINALIZE, execution_id=execution, finalize_state_id=share
            )
            yield from produced(session.rpc.open(INIT, source), start.output_schema, what)
    finally:
        with suppress(RpcError):  # best effort: what is left is swept by age
            session.rpc.call(TABLE_BUFFERING_DESTRUCTOR, BufferingDestructorRequest(name, execution, **place))


def divided(
    signature: Signature | None, arguments: Sequence[Any], what: str
) -> tuple[list[pa.Array], list[tuple[pa.Field, Any]]]:
    """Arguments that go with the bind, because the function wants constants, and those that are columns."""
    constants: list[pa.Array] = []
    pairs: list[tuple[pa.Field, Any]] = []
    for field, value in zip(_fields(signature, arguments), arguments, strict=True):
        if property_of(field, metadata.CONST) == "true":
            constants.append(one_value(value, field.type, f"{what}: argument '{field.name}'"))
        else:
            pairs.append((field, value))
    return constants, pairs


def numbered(arrays: Sequence[pa.Array], rows: int) -> pa.RecordBatch:
    """Columns under the names that scalars and aggregates get them with."""
    if not arrays:
        return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))
    return pa.RecordBatch.from_arrays(list(arrays), names=[f"col_{number}" for number in range(len(arrays))])


def _fields(signature: Signature | None, arguments: Sequence[Any]) -> tuple[pa.Field, ...]:
    """The declared parameters; without a declaration anything goes."""
    fields = None if signature is None else signature.expanded(len(arguments))
    if fields is None:
        return tuple(pa.field(f"argument {number}", pa.null()) for number in range(1, len(arguments) + 1))
    assert signature is not None
    if not signature.varargs:
        return fields
    fixed = len(signature.positional) - 1
    return tuple(f if n < fixed else f.with_name(f"col{n}") for n, f in enumerate(fields))


def _named(signature: Signature | None, named: Mapping[str, Any], what: str) -> dict[str, pa.Array]:
    types = {} if signature is None else {name: field.type for name, field in signature.named.items()}
    return {
        name: one_value(value, types.get(name.casefold()), f"{what}: argument '{name}'")
        for name, value in named.items()
    }


def _beside(batch: pa.RecordBatch, answer: Batch, rows: pa.RecordBatch, what: str) -> pa.RecordBatch:
    """The rows of an answer, before them the columns of the input rows that they come from (spec 05, section 15)."""
    import pyarrow.compute as pc

    told = answer.metadata.get(metadata.PARENT_ROW)
    if told is not None:
        data = base64.b64decode(told)
        if len(data) != 4 * rows.num_rows:
            raise ProtocolError(f"{what} tells the origin of {len(data) // 4} rows, and sent {rows.num_rows}")
        parents = pa.Array.from_buffers(pa.int32(), rows.num_rows, [None, pa.py_buffer(data)])
        lowest, highest = (bound.as_py() for bound in pc.min_max(parents).values())
        if rows.num_rows and not 0 <= lowest <= highest < batch.num_rows:
            raise ProtocolError(f"{what} made rows of input rows that there are not")
    elif rows.num_rows in (0, batch.num_rows):
        parents = pa.array(range(rows.num_rows), pa.int32())
    else:
        raise ProtocolError(f"{what} made {rows.num_rows} rows of {batch.num_rows}, and does not tell which of which")
    arrays = [take(column, parents) for column in batch.columns]
    return pa.RecordBatch.from_arrays([*arrays, *rows.columns], schema=pa.schema([*batch.schema, *rows.schema]))


def table_arguments(
    signatures: Sequence[Signature], name: str, arguments: Sequence[Any], named: Mapping[str, Any]
) -> tuple[Signature | None, bytes]:
    """The overload of a table function that is meant, and its arguments as the bind carries them.

    Raises:
        ArgumentError: the function does not take them.
        CatalogError: it takes columns or a table.
    """
    what = f"function '{name}'"
    signature = choose(signatures, arguments, named, what)
    if signature is not None and (signature.table or signature.info.input_from_args):
        raise CatalogError(f"{what} takes {'a table' if signature.table else 'columns'}; use transform() or row()")
    fields = _fields(signature, arguments)
    pairs = zip(fields, arguments, strict=True)
    values = [one_value(value, field.type, f"{what}: argument '{field.name}'") for field, value in pairs]
    return signature, encode_arguments(values, _named(signature, named, what))
