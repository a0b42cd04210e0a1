"""Values of the protocol's records, written and read back."""

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duckwing.protocol import calls, functions, metadata, tables
from duckwing.rpc.codec import EMPTY_MAP, decode, encode
from duckwing.rpc.errors import CodecError

from .records import RECORDS

SCHEMA_VALUES = st.sampled_from(
    [
        pa.schema([]),
        pa.schema([("value", pa.int32())]),
        pa.schema([pa.field("a", pa.utf8(), False), ("b", pa.dictionary(pa.int16(), pa.utf8()))]),
    ]
)
BATCH_VALUES = st.sampled_from(
    [
        pa.record_batch({"value": pa.array([7], pa.int32())}),
        pa.record_batch({"group_id": pa.array([1, None, 3]), "x": pa.array(["a", "", None])}),
        pa.record_batch({"x": pa.array([], pa.float64())}),
    ]
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(max_size=5),
    bytes: st.binary(max_size=5),
    bool: st.booleans(),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False),
    datetime: st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    pa.Schema: SCHEMA_VALUES,
    pa.RecordBatch: BATCH_VALUES,
}


def values(annotation: Any) -> st.SearchStrategy[Any]:
    """Values of a field with this annotation."""
    arguments = typing.get_args(annotation)
    match typing.get_origin(annotation):
        case typing.Annotated if pa.int32() in arguments:
            return st.integers(-(2**31), 2**31 - 1)
        case typing.Annotated if pa.uint64() in arguments:
            return st.integers(0, 2**64 - 1)
        case typing.Annotated:
            return values(arguments[0])
        case typing.Union | types.UnionType:
            return st.none() | values(arguments[0])
        case origin if origin is tuple:
            return st.lists(values(arguments[0]), max_size=3).map(tuple)
        case origin if origin is Mapping:
            return st.dictionaries(values(arguments[0]), values(arguments[1]), max_size=3)
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        hints = typing.get_type_hints(annotation, include_extras=True)
        return st.builds(annotation, **{name: values(hint) for name, hint in hints.items()})
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return st.sampled_from(annotation)
    return PLAIN[annotation]


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_round_trip(cls: type[Any], data: st.DataObject) -> None:
    record = data.draw(values(cls))
    assert decode(cls, encode(record)) == record


def test_field_metadata_survives() -> None:
    """Equality of schemas ignores metadata, but declarations of arguments live in it."""
    arguments = pa.schema([pa.field("n", pa.int64(), metadata={metadata.CONST: b"true"})])
    info = function_info(arguments=arguments)
    assert decode(functions.FunctionInfo, encode(info)).arguments.field("n").metadata == {b"vgi_const": b"true"}


def function_info(**fields: Any) -> functions.FunctionInfo:
    required: dict[str, Any] = {
        "name": "f",
        "schema_path": ("main",),
        "function_type": functions.FunctionType.SCALAR,
        "arguments": pa.schema([]),
        "output_schema": pa.schema([]),
    }
    return functions.FunctionInfo(**(required | fields))


def test_an_older_peer_is_understood() -> None:
    """Absent fields take their defaults, unknown ones are ignored (spec 01, section 17.2)."""
    record = pa.record_batch(
        {
            "function_name": ["f"],
            "function_type": pa.array(["scalar"]).dictionary_encode(),
            "schema_name": ["main"],
        }
    )
    request = decode(calls.BindRequest, stream_of(record))
    assert request == calls.BindRequest(function_name="f", function_type=calls.CallType.SCALAR)


def test_a_missing_required_field_is_an_error() -> None:
    record = pa.record_batch({"arguments": [b""]})
    with pytest.raises(CodecError, match=r"BindRequest\.function_name is missing"):
        decode(calls.BindRequest, stream_of(record))


def stream_of(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def test_aggregates_are_dependent_unless_said_otherwise() -> None:
    """The other default gives wrong results of ``f(DISTINCT x)`` (spec 06, section 2.4)."""
    info = function_info()
    assert info.order_dependent is functions.OrderDependent.ORDER_DEPENDENT
    assert info.distinct_dependent is functions.DistinctDependent.DISTINCT_DEPENDENT


def test_default_maps_are_empty_and_frozen() -> None:
    info = function_info()
    assert info.tags is EMPTY_MAP
    assert info.tags == {}
    with pytest.raises(TypeError):
        info.tags["x"] = "y"  # type: ignore[index]


def test_nested_records_are_streams() -> None:
    """A list of binaries holds one IPC stream per record, which reads back by itself."""
    branch = tables.ScanBranch("f", writable=True)
    result = tables.ScanBranchesResult((branch,))
    raw = pa.ipc.open_stream(encode(result)).read_next_batch().column("branches")[0].as_py()
    assert [decode(tables.ScanBranch, item) for item in raw] == [branch]


def test_annotations_are_objects() -> None:
    """Text annotations would have to be evaluated at the first use of every record."""
    assert [(cls, f.name) for cls in RECORDS for f in dataclasses.fields(cls) if isinstance(f.type, str)] == []
