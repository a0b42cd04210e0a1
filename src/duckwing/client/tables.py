"""Tables of a catalog: what is known of them, and how they are read (spec 04, sections 5 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from ..errors import CatalogError
from ..filters.build import Condition
from ..protocol import metadata
from ..protocol.calls import CallType
from ..protocol.listing import ObjectType
from ..protocol.tables import (
    CATALOG_TABLE_GET,
    CATALOG_TABLE_SCAN_BRANCHES_GET,
    CATALOG_TABLE_SCAN_FUNCTION_GET,
    ScanFunctionResult,
    TableAtParams,
    TableInfo,
)
from ..rpc.codec import decode, decode_batch
from ..rpc.errors import MethodNotImplementedError, RemoteError
from ..scans.scan import Sample
from .arguments import encode_arguments
from .batches import Batches
from .scans import OrderBy, Wanted, scan
from .session import Session

_ARG = "arg_"


@dataclass(frozen=True)
class At:
    """An earlier state of a table, as ``AT (VERSION => 3)`` asks for it.

    Attributes:
        version: a version; or None.
        timestamp: a time, as SQL writes it; or None.
    """

    version: int | str | None = None
    timestamp: str | None = None

    def __post_init__(self) -> None:
        if (self.version is None) == (self.timestamp is None):
            raise CatalogError(
                "an earlier state has a version or a timestamp: At(version=3), At(timestamp='2024-05-01')"
            )

    def pair(self) -> tuple[str, str]:
        """Unit and value, as the protocol has them."""
        return ("TIMESTAMP", str(self.timestamp)) if self.version is None else ("VERSION", str(self.version))


class TableReader:
    """A table of a catalog.

    Attributes:
        info: what the worker says of it: constraints, comment, which writes it takes.
        at: the state that is read; None: that of now.
    """

    def __init__(self, session: Session, info: TableInfo, at: At | None = None):
        self._session = session
        self.info = info
        self.at = at

    @property
    def columns(self) -> pa.Schema:
        """The columns that a scan gives if none are named: all but the row id and those that DuckDB computes."""
        return pa.schema([field for field in self.stored if not is_row_id(field)])

    @property
    def stored(self) -> pa.Schema:
        """The columns that the worker knows the values of, the row id included."""
        return pa.schema([f for f in self.info.columns if metadata.GENERATED_EXPRESSION not in (f.metadata or {})])

    @property
    def row_id(self) -> str:
        """The name of the column that tells rows apart in updates and deletes.

        Raises:
            CatalogError: the table has none.
        """
        for field in self.info.columns:
            if is_row_id(field):
                return str(field.name)
        raise CatalogError(f"table '{self.info.name}' has no row id, so its rows cannot be updated or deleted")

    def scan(
        self,
        *,
        columns: Sequence[str] | None = None,
        where: Condition | None = None,
        order_by: OrderBy | None = None,
        limit: int | None = None,
        sample: float | Sample | None = None,
        threads: int = 1,
    ) -> Batches:
        """Read the table.

        Args:
            columns: names of those of the result, the row id's included; None: all but the row id.
            where: what the rows must meet.
            order_by: a column, or pairs such as ``("n", "descending")``; NULL comes last.
            limit: so many rows at most.
            sample: a percentage of the rows.
            threads: streams that are read at the same time, where that is possible; rows come in any order then.

        Raises:
            CatalogError: only DuckDB can read this table.
            ArgumentError: there is no such column, or a value does not fit one.
            RemoteError: the worker refuses.
        """
        source = self._source()
        values, named = source_arguments(source)
        unit, value = _pair(self.at)
        schema = self._schema_of(source)
        listed = self._session.signatures(source.function_name, ObjectType.TABLE_FUNCTION, schema)
        fitting = [s for s in listed if s.expanded(len(values)) is not None]
        request = self._session.request(
            source.function_name,
            CallType.TABLE,
            schema,
            arguments=encode_arguments(values, named),
            at_unit=unit,
            at_value=value,
        )
        info = fitting[0].info if fitting else None
        start = self._session.bind(request, () if info is None else info.required_secrets)
        wanted = Wanted(columns, where, order_by, limit, sample, threads)
        return scan(self._session, start, info, wanted, self.columns.names)

    def _source(self) -> ScanFunctionResult:
        """The function that scans the table."""
        if self.info.scan_function is not None:
            return self.info.scan_function
        unit, value = _pair(self.at)
        request = TableAtParams(
            self._session.attachment,
            self.info.schema_path,
            self.info.name,
            unit,
            value,
            self._session.transaction,
        )
        try:
            branches = self._session.rpc.call(CATALOG_TABLE_SCAN_BRANCHES_GET, request).branches
        except RemoteError as error:
            if error.kind != MethodNotImplementedError.kind:
                raise
            return self._session.rpc.call(CATALOG_TABLE_SCAN_FUNCTION_GET, request)
        if len(branches) != 1 or not branches[0].function_name or branches[0].branch_filter:
            raise CatalogError(
                f"table '{self.info.name}' is made of files, of other catalogs, or of several parts, which only DuckDB "
                "can read: attach the worker there"
            )
        return ScanFunctionResult(branches[0].function_name, branches[0].arguments, (), branches[0].schema_path)

    def _schema_of(self, source: ScanFunctionResult) -> str:
        """The schema of the scan function (spec 04, section 7.1)."""
        default = self._session.path(None)[0]
        for schema in [source.schema_path[0]] if source.schema_path else [self.info.schema_path[0], default]:
            if self._session.signatures(source.function_name, ObjectType.TABLE_FUNCTION, schema):
                return schema
        raise CatalogError(
            f"table '{self.info.name}' is read by '{source.function_name}', which is no function of the worker: only "
            "DuckDB can read it"
        )


def get_table(session: Session, name: str, schema: str | None, at: At | None) -> TableReader:
    """A table by its name.

    Raises:
        CatalogError: there is none.
        RemoteError: the worker refuses, for example a state that there is not.
    """
    unit, value = _pair(at)
    request = TableAtParams(session.attachment, session.path(schema), name, unit, value, session.transaction)
    items = session.rpc.call(CATALOG_TABLE_GET, request).items
    if not items:
        raise CatalogError(f"there is no table '{name}' in schema '{session.path(schema)[0]}'")
    return TableReader(session, decode(TableInfo, items[0]), at)


def _pair(at: At | None) -> tuple[str, str] | tuple[None, None]:
    return (None, None) if at is None else at.pair()


def is_row_id(field: pa.Field) -> bool:
    """Whether a column is the row id."""
    return metadata.IS_ROW_ID in (field.metadata or {})


def source_arguments(source: ScanFunctionResult) -> tuple[list[pa.Array], dict[str, pa.Array]]:
    """The positional and the named arguments with which a table's function is called (spec 04, section 7.1)."""
    if not source.arguments:
        return [], {}
    batch = decode_batch(source.arguments)
    positional: dict[int, pa.Array] = {}
    named: dict[str, pa.Array] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        number = name.removeprefix(_ARG)
        if number != name and number.isdecimal():
            positional[int(number)] = column
        else:
            named[name] = column
    return [positional[number] for number in sorted(positional)], named
