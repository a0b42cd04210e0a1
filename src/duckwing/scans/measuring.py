"""Statistics of data that is there: Arrow tables, Parquet files, DuckDB relations."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pyarrow as pa

from ..types import JSON, TIMESTAMPTZ, UUID
from ..types.forms import is_text
from ..types.values import to_values
from .statistics import ColumnStatistics, TableStatistics, bounded_type

if TYPE_CHECKING:
    import pyarrow.dataset
    import pyarrow.parquet


class Relation(Protocol):
    """What is needed of a ``duckdb.DuckDBPyRelation``; workers do without DuckDB."""

    @property
    def columns(self) -> list[str]: ...

    @property
    def types(self) -> list[Any]: ...

    def aggregate(self, aggr_expr: str, /) -> Any:
        """The relation of the aggregates."""


Path: TypeAlias = "str | os.PathLike[str]"

Source: TypeAlias = "pa.Table | pa.RecordBatch | Path | Sequence[Path] | pyarrow.dataset.Dataset | Relation"


def statistics_of(source: Source, *, distinct: bool = False) -> TableStatistics:
    """The statistics of a source of rows, for ``statistics=`` of a function that gives the same rows.

    Args:
        source: one of

            - an Arrow table or batch, of which all values are looked at;
            - a Parquet file, several, or a ``pyarrow.dataset`` of such, of which the metadata alone
              is read. It gives no bounds of strings and floats: Parquet may cut the ones, and does
              not tell of NaN in the others;
            - a DuckDB relation, of which one query asks all.
        distinct: count different values, too. Parquet does not know them.

    Raises:
        TypeError: the source is something else.
        OSError: a file cannot be read.

    Example:
        ```python
        @demo.table_function(columns=schema_of, statistics=lambda path: dw.statistics_of(path))
        def read(path: str):
            yield from pq.ParquetFile(path).iter_batches()
        ```
    """
    if isinstance(source, pa.RecordBatch):
        return _of_table(pa.Table.from_batches([source]), distinct)
    if isinstance(source, pa.Table):
        return _of_table(source, distinct)
    if isinstance(source, (str, os.PathLike)):
        return _of_files([source])
    if isinstance(source, Sequence):
        return _of_files(source)
    module = type(source).__module__.partition(".")[0]
    if module.lstrip("_") == "duckdb":
        return _of_relation(source, distinct)
    if module == "pyarrow" and hasattr(source, "get_fragments"):
        return _of_dataset(source)
    raise TypeError(
        "statistics_of takes an Arrow table or batch, paths of Parquet files, a pyarrow dataset or a DuckDB relation, "
        f"not {type(source).__name__}; make an Arrow table of a data frame: pa.table(frame)"
    )


# Arrow


def _of_table(table: pa.Table, distinct: bool) -> TableStatistics:
    columns = {}
    for name in dict.fromkeys(table.column_names):
        # A name that stands for several columns stands for no column of a function.
        found = _of_column(table.column(name), distinct) if table.column_names.count(name) == 1 else None
        if found is not None:
            columns[name] = found
    return TableStatistics(table.num_rows, columns)


def _of_column(column: pa.ChunkedArray, distinct: bool) -> ColumnStatistics | None:
    import pyarrow.compute as pc

    carried = bounded_type(column.type)
    ordered = None if carried is None else _ordered(carried)
    if carried is None or ordered is None:
        return None
    nulls = column.null_count > 0
    if pa.types.is_dictionary(column.type):
        column = column.cast(carried)
        nulls = column.null_count > 0  # a NULL may stand in the dictionary
    if column.null_count == len(column):
        return None  # a column without values has no bounds, and without them the protocol says nothing
    if isinstance(carried, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], carried.storage_type)
    column = column if column.type.equals(ordered) else column.cast(ordered)
    ends = pc.min_max(column)
    low, high = ends["min"], ends["max"]
    if pa.types.is_floating(ordered) and pc.any(pc.is_nan(column)).as_py():
        high = pa.scalar(float("nan"), ordered)
    text = is_text(ordered)
    return ColumnStatistics(
        min=_value(low, carried),
        max=_value(high, carried),
        nulls=nulls,
        distinct=pc.count_distinct(column, mode="only_valid").as_py() if distinct else None,
        unicode=not pc.all(pc.string_is_ascii(column)).as_py() if text else None,
        max_length=pc.max(pc.binary_length(column)).as_py() if text else None,
    )


def _ordered(type: pa.DataType) -> pa.DataType | None:
    """The type as which Arrow finds the bounds of a column; None if its order is another than SQL's."""
    is_ = pa.types
    if type.equals(UUID) or type.equals(JSON):
        return type.storage_type
    if isinstance(type, pa.BaseExtensionType):
        return None
    if is_.is_decimal(type):
        return pa.decimal128(type.precision, type.scale)
    if is_.is_string_view(type):
        return pa.large_utf8()
    return pa.large_binary() if is_.is_binary_view(type) else type


def _value(scalar: pa.Scalar, type: pa.DataType) -> Any:
    """A scalar as a Python value, if it has one."""
    array = pa.array([scalar], scalar.type)
    if isinstance(type, pa.BaseExtensionType):
        array = pa.ExtensionArray.from_storage(type, array)
    try:
        [value] = to_values(array)
    except ValueError:
        return array[0]
    return value


# Parquet


def _of_files(paths: Iterable[Path]) -> TableStatistics:
    import pyarrow.parquet as pq

    def metadata() -> Iterator[pyarrow.parquet.FileMetaData]:
        for path in paths:
            with pq.ParquetFile(path) as file:
                yield file.metadata

    return _of_metadata(metadata())


def _of_dataset(dataset: pyarrow.dataset.Dataset) -> TableStatistics:
    fragments = list(dataset.get_fragments())
    for fragment in fragments:
        if not hasattr(fragment, "metadata"):
            raise TypeError(f"statistics_of takes datasets of Parquet files, not of a {type(fragment).__name__}")
    return _of_metadata(fragment.metadata for fragment in fragments)


@dataclass(frozen=True)
class _Part:
    """What a row group tells of a column.

    Attributes:
        type: of the column.
        nulls: there may be NULLs.
        empty: there are no values beside them.
        bounds: least and greatest value; None: unknown.
    """

    type: pa.DataType
    nulls: bool
    empty: bool
    bounds: tuple[pa.Scalar, pa.Scalar] | None


def _of_metadata(files: Iterable[pyarrow.parquet.FileMetaData]) -> TableStatistics:
    """What holds for the rows of all files together."""
    rows = groups = 0
    parts: dict[str, list[_Part]] = {}
    for metadata in files:
        flat = _flat_columns(metadata.schema.to_arrow_schema())
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            if group.num_rows:
                rows += group.num_rows
                groups += 1
                for position, column in flat.items():
                    parts.setdefault(column.name, []).append(_part(group.column(position), column.type))
    # A column that a file lacks may be NULL there, or whatever the reader puts in its place.
    merged = {name: _merged(found) for name, found in parts.items() if len(found) == groups}
    return TableStatistics(rows, {name: known for name, known in merged.items() if known is not None})


def _flat_columns(schema: pa.Schema) -> dict[int, pa.Field]:
    """The columns that are not nested, by their position among the columns of Parquet, which has leaves only."""
    flat = {}
    position = 0
    for column in schema:
        if not _is_nested(column.type) and schema.names.count(column.name) == 1:
            flat[position] = column
        position += _leaves(column.type)
    return flat


def _is_nested(type: pa.DataType) -> bool:
    return bool(type.num_fields) or (isinstance(type, pa.BaseExtensionType) and bool(type.storage_type.num_fields))


def _leaves(type: pa.DataType) -> int:
    if isinstance(type, pa.BaseExtensionType):
        return _leaves(type.storage_type)
    return sum(_leaves(type.field(i).type) for i in range(type.num_fields)) if type.num_fields else 1


def _part(chunk: pyarrow.parquet.ColumnChunkMetaData, type: pa.DataType) -> _Part:
    known = chunk.statistics
    if known is None or not known.has_null_count:
        return _Part(type, True, False, None if known is None else _chunk_bounds(known, type))
    empty = known.null_count == chunk.num_values
    return _Part(type, known.null_count > 0, empty, None if empty else _chunk_bounds(known, type))


def _chunk_bounds(known: pyarrow.parquet.Statistics, type: pa.DataType) -> tuple[pa.Scalar, pa.Scalar] | None:
    is_ = pa.types
    if not known.has_min_max:
        return None
    if is_.is_date(type) or is_.is_time(type) or is_.is_timestamp(type):
        # Not what pyarrow makes of them: it loses nanoseconds, and infinity is an error.
        integer = pa.int32() if type.bit_width == 32 else pa.int64()
        low, high = pa.array([known.min_raw, known.max_raw], integer).view(type)
        return low, high
    if is_.is_boolean(type) or is_.is_integer(type) or is_.is_decimal(type):
        return pa.scalar(known.min, type), pa.scalar(known.max, type)
    return None


def _merged(parts: Sequence[_Part]) -> ColumnStatistics | None:
    type_ = parts[0].type
    if bounded_type(type_) is None or any(not part.type.equals(type_) for part in parts):
        return None
    nulls = any(part.nulls for part in parts)
    bounds = [part.bounds for part in parts if not part.empty]
    known = [ends for ends in bounds if ends is not None]
    if not known or len(known) < len(bounds):
        return None if nulls else ColumnStatistics(nulls=False)
    import pyarrow.compute as pc

    ends = pc.min_max(pa.array([end for pair in known for end in pair], type_))
    return ColumnStatistics(_value(ends["min"], type_), _value(ends["max"], type_), nulls=nulls)


# DuckDB

_INTEGERS = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint")
_TIMESTAMPS = ("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone")
_TEXT_IN_ARROW = ("hugeint", "uhugeint", "uuid")
"""Types whose Arrow form depends on settings."""

_MEASURED = frozenset(
    {
        "boolean",
        *_INTEGERS,
        "float",
        "double",
        "decimal",
        "date",
        "time",
        "time_ns",
        *_TIMESTAMPS,
        "varchar",
        "enum",
        "blob",
        *_TEXT_IN_ARROW,
    }
)


def _of_relation(relation: Relation, distinct: bool) -> TableStatistics:
    measured: list[tuple[str, str]] = []
    asked = ["count(*)"]
    lower = [name.casefold() for name in relation.columns]
    for name, type_ in zip(relation.columns, relation.types, strict=True):
        kind: str = type_.id
        if lower.count(name.casefold()) > 1 or kind not in _MEASURED:
            continue
        measured.append((name, kind))
        column = '"' + name.replace('"', '""') + '"'
        text = f"{column}::VARCHAR"
        # By their bytes, as statistics are compared, not by the collation of the session.
        value = f"encode({text})" if kind in ("varchar", "enum") else column
        suffix = "::VARCHAR" if kind in _TEXT_IN_ARROW else ""
        asked += [f"min({value}){suffix}", f"max({value}){suffix}"]
        asked += [
            f"count({column})",
            f"count(DISTINCT {column})" if distinct else "NULL::BIGINT",
            f"max(strlen({text}))" if kind in ("varchar", "enum") else "NULL::BIGINT",
            f"bool_or(strlen({text}) <> length({text}))" if kind in ("varchar", "enum") else "NULL::BOOLEAN",
        ]
    named = ", ".join(f"{expression} AS a{number}" for number, expression in enumerate(asked))
    answer = [column[0] for column in relation.aggregate(named).to_arrow_table().columns]
    rows = answer[0].as_py()
    columns = {}
    for number, (name, kind) in enumerate(measured):
        low, high, count, different, length, unicode = answer[1 + 6 * number : 7 + 6 * number]
        if count.as_py():
            columns[name] = ColumnStatistics(
                min=_relation_value(low, kind),
                max=_relation_value(high, kind),
                nulls=count.as_py() < rows,
                distinct=different.as_py(),
                unicode=unicode.as_py(),
                max_length=length.as_py(),
            )
    return TableStatistics(rows, columns)


def _relation_value(scalar: pa.Scalar, kind: str) -> Any:
    if kind in ("hugeint", "uhugeint"):
        return int(scalar.as_py())
    if kind in ("varchar", "enum"):
        return scalar.as_py().decode()
    if kind == "uuid":
        import uuid

        return uuid.UUID(scalar.as_py())
    if kind == "timestamp with time zone":  # otherwise in the zone of the session
        scalar = scalar.cast(TIMESTAMPTZ)
    return _value(scalar, scalar.type)
