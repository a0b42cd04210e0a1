"""Identity functions for every SQL type: as a batch, as a row, and as argument and column of a table function."""

from typing import Annotated, Any

import pyarrow as pa

import duckwing as dw
from duckwing import types
from duckwing.types import ARRAY, DECIMAL, LIST, MAP, STRUCT, UNION

TYPES = {
    "boolean": types.BOOLEAN,
    "tinyint": types.TINYINT,
    "smallint": types.SMALLINT,
    "integer": types.INTEGER,
    "bigint": types.BIGINT,
    "utinyint": types.UTINYINT,
    "usmallint": types.USMALLINT,
    "uinteger": types.UINTEGER,
    "ubigint": types.UBIGINT,
    "hugeint": types.HUGEINT,
    "uhugeint": types.UHUGEINT,
    "float": types.FLOAT,
    "double": types.DOUBLE,
    "decimal_1_0": DECIMAL(1, 0),
    "decimal_4_2": DECIMAL(4, 2),
    "decimal_18_3": DECIMAL(18, 3),
    "decimal_38_10": DECIMAL(38, 10),
    "decimal_38_0": DECIMAL(38, 0),
    "varchar": types.VARCHAR,
    "blob": types.BLOB,
    "bit": types.BIT,
    "uuid": types.UUID,
    "json": types.JSON,
    "date": types.DATE,
    "time": types.TIME,
    "time_ns": types.TIME_NS,
    "timetz": types.TIMETZ,
    "timestamp_s": types.TIMESTAMP_S,
    "timestamp_ms": types.TIMESTAMP_MS,
    "timestamp": types.TIMESTAMP,
    "timestamp_ns": types.TIMESTAMP_NS,
    "timestamptz": types.TIMESTAMPTZ,
    "interval": types.INTERVAL,
    "bignum": types.BIGNUM,
    "geometry": types.GEOMETRY,
    "list_integer": LIST(types.INTEGER),
    "list_varchar": LIST(types.VARCHAR),
    "list_uuid": LIST(types.UUID),
    "list_hugeint": LIST(types.HUGEINT),
    "list_timestamptz": LIST(types.TIMESTAMPTZ),
    "list_boolean": LIST(types.BOOLEAN),
    "list_blob": LIST(types.BLOB),
    "list_json": LIST(types.JSON),
    "list_decimal": LIST(DECIMAL(4, 2)),
    "list_bit": LIST(types.BIT),
    "list_list": LIST(LIST(types.BIGINT)),
    "array_double": ARRAY(types.DOUBLE, 3),
    "array_varchar": ARRAY(types.VARCHAR, 2),
    "array_uuid": ARRAY(types.UUID, 2),
    "struct": STRUCT({"a": types.INTEGER, "b": types.VARCHAR}),
    "struct_uuid": STRUCT({"id": types.UUID, "big": types.HUGEINT}),
    "map": MAP(types.VARCHAR, types.INTEGER),
    "map_uuid": MAP(types.UUID, types.UHUGEINT),
    "union": UNION({"number": types.INTEGER, "text": types.VARCHAR}),
    "union_uuid": UNION({"id": types.UUID, "bits": types.BIT}),
}

identity = dw.Catalog("identity")


def _declare(label: str, type: pa.DataType) -> None:
    array, value = Annotated[pa.Array, type], Annotated[object, type]

    def batch(value: Any) -> Any:
        assert value.type == type
        return value

    def row(value: Any) -> Any:
        return value

    def rows(*values: Any) -> Any:
        for value in values:
            yield (value,)

    def columns(*values: Any) -> Any:
        yield {"v": list(values)}

    batch.__annotations__ = {"value": array, "return": array}
    row.__annotations__ = {"value": value, "return": value}
    rows.__annotations__ = columns.__annotations__ = {"values": value | None}
    identity.scalar(name=f"batch_{label}")(batch)
    identity.scalar(name=f"row_{label}")(row)
    identity.scalar(name=f"passed_{label}", nulls="pass")(batch)
    identity.table_function(name=f"rows_{label}", columns={"v": type})(rows)
    identity.table_function(name=f"columns_{label}", columns={"v": type})(columns)


for label, type in TYPES.items():
    _declare(label, type)


@identity.scalar
def any_type(value: pa.Array) -> pa.StringArray:
    return pa.array([str(value.type)] * len(value))
