"""What all calls of one attachment have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pyarrow as pa

from ..errors import CatalogError
from ..functions.secrets import Lookup, Secret, choose_secret, secrets_batch
from ..protocol.attach import CatalogAttachResult
from ..protocol.calls import BIND, BindRequest, BindResponse, CallType, InitRequest
from ..protocol.catalogs import SettingSpec
from ..protocol.functions import FunctionInfo, RequiredSecret
from ..protocol.listing import (
    CATALOG_SCHEMA_CONTENTS_FUNCTIONS,
    CATALOG_SCHEMAS,
    ObjectType,
    SchemaContentsParams,
    SchemaInfo,
)
from ..protocol.shared import CatalogParams, Items
from ..rpc.codec import Record, decode, encode, encode_batch
from ..rpc.errors import MethodNotImplementedError, ProtocolError, RemoteError
from ..rpc.method import Method
from .caller import Caller
from .inputs import one_value
from .signatures import Signature

P = TypeVar("P", bound=Record)
R = TypeVar("R", bound=Record)

Kind = tuple[str, ObjectType]


@dataclass(frozen=True, eq=False)
class Session:
    """An attached catalog, perhaps within a transaction.

    Attributes:
        rpc: makes the calls.
        about: what the worker said of the catalog.
        settings: the IPC stream of one row, a column per setting; None if there are none.
        secrets: what the caller has, for the functions that ask.
        transaction: the worker's bytes for it; None outside of any.
        known: functions that were listed before, by schema and kind.
    """

    rpc: Caller
    about: CatalogAttachResult
    settings: bytes | None = None
    secrets: tuple[Secret, ...] = ()
    transaction: bytes | None = None
    known: dict[Kind, list[Signature]] = field(default_factory=dict)

    @property
    def attachment(self) -> bytes:
        """The worker's bytes for the attachment."""
        return self.about.attach_opaque_data

    def path(self, schema: str | None) -> tuple[str, ...]:
        """A schema's path; the default schema's for None."""
        return (schema if schema is not None else self.about.default_schema or "main",)

    def items(self, method: Method[P, Items], request: P, record: type[R]) -> list[R]:
        """What a method lists. A worker without the method has nothing of that kind."""
        try:
            items = self.rpc.call(method, request).items
        except RemoteError as error:
            if error.kind != MethodNotImplementedError.kind:
                raise
            return []
        return [decode(record, item) for item in items]

    def schemas(self) -> list[SchemaInfo]:
        """The schemas of the catalog."""
        return self.items(CATALOG_SCHEMAS, CatalogParams(self.attachment, self.transaction), SchemaInfo)

    def signatures(self, name: str, kind: ObjectType, schema: str | None) -> list[Signature]:
        """The overloads of a function; none if the worker lists none in this schema."""
        return [s for s in self.listed(kind, schema) if s.info.name.casefold() == name.casefold()]

    def listed(self, kind: ObjectType, schema: str | None) -> list[Signature]:
        """All functions of a kind in a schema. Asked for once: a worker's functions stay the same."""
        path = self.path(schema)
        key = (path[0].casefold(), kind)
        if key not in self.known:
            request = SchemaContentsParams(self.attachment, path, kind, self.transaction)
            infos = self.items(CATALOG_SCHEMA_CONTENTS_FUNCTIONS, request, FunctionInfo)
            self.known[key] = [Signature.of(info) for info in infos]
        return self.known[key]

    def request(self, name: str, type: CallType, schema: str | None, **more: Any) -> BindRequest:
        """The request that binds a function here."""
        return BindRequest(
            function_name=name,
            function_type=type,
            settings=self.settings,
            attach_opaque_data=self.attachment,
            transaction_opaque_data=self.transaction,
            schema_path=self.path(schema),
            **more,
        )

    def bind(self, request: BindRequest, required: Sequence[RequiredSecret] = ()) -> InitRequest:
        """Bind a call, in two phases where the function asks for secrets (spec 05, section 3.5).

        Args:
            request: the bind.
            required: the secrets that the function's record names.

        Returns:
            The request that starts the function.

        Raises:
            RemoteError: the function or its arguments are refused.
        """
        found = self.find_secrets(required)
        response: BindResponse = self.rpc.call(
            BIND, request := dataclasses.replace(request, secrets=secrets_batch(found))
        )
        if response.lookup_secret_types:
            lookups = zip(response.lookup_secret_types, response.lookup_scopes, response.lookup_names, strict=True)
            scoped = (
                choose_secret(list(self.secrets), Lookup(type_, name=name or None), scope or None)
                for type_, scope, name in lookups
            )
            found += [secret for secret in scoped if secret is not None]
            request = dataclasses.replace(request, secrets=secrets_batch(found), resolved_secrets_provided=True)
            response = self.rpc.call(BIND, request)
            if response.lookup_secret_types:
                raise ProtocolError(f"function '{request.function_name}' asks for secrets twice")
        return InitRequest(
            bind_call=encode(request), output_schema=response.output_schema, bind_opaque_data=response.opaque_data
        )

    def find_secrets(self, required: Iterable[RequiredSecret]) -> list[Secret]:
        """Those of the caller's secrets that a function's record names."""
        chosen = (
            choose_secret(list(self.secrets), Lookup(r.secret_type, name=r.secret_name or None), r.scope or None)
            for r in required
        )
        return [secret for secret in chosen if secret is not None]


def settings_batch(about: CatalogAttachResult, values: Mapping[str, Any]) -> bytes | None:
    """All settings that a catalog declares, with their defaults where no value is given (spec 04, section 11).

    Raises:
        CatalogError: it declares no such setting.
        ArgumentError: a value is not of its type.
    """
    specs = [decode(SettingSpec, item) for item in about.settings]
    given = {name.casefold(): value for name, value in values.items()}
    unknown = sorted(given.keys() - {spec.name.casefold() for spec in specs})
    if unknown:
        declared = ", ".join(spec.name for spec in specs) or "(none)"
        raise CatalogError(f"the catalog has no setting '{unknown[0]}'; it has {declared}")
    if not specs:
        return None
    arrays = []
    for spec in specs:
        type_ = spec.type.field(0).type
        if spec.name.casefold() in given:
            arrays.append(one_value(given[spec.name.casefold()], type_, f"setting '{spec.name}'"))
        else:
            arrays.append(pa.nulls(1, type_) if spec.default_value is None else spec.default_value.column(0))
    return encode_batch(pa.RecordBatch.from_arrays(arrays, names=[spec.name for spec in specs]))
