"""From the records of a call to what functions know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..catalog.declared import Catalog
from ..catalog.schema import Schema
from ..errors import ArgumentError, CatalogError
from ..functions.context import At, Context, Invocation
from .attachment import attach_options, attached_version, attachment_id

if TYPE_CHECKING:
    from ..functions.scan import Scan
    from ..protocol.aggregates import AggregateBindRequest
    from ..protocol.calls import BindRequest
    from ..rpc.call import Call
    from . import Service


def schemas_of(catalog: Catalog, path: Sequence[str] | None) -> list[Schema]:
    """The schemas in which a function is looked for: the one of ``path``, or all if it names none."""
    if not path:
        return list(catalog.schemas())
    schema = catalog.find_schema(path[0]) if len(path) == 1 else None
    return [schema] if schema is not None else []


def no_function(catalog: Catalog, path: Sequence[str] | None, kind: str, name: str) -> CatalogError:
    """The error of a call whose function does not exist."""
    return CatalogError(f"there is no {kind} function '{name}' in {'.'.join([catalog.catalog_name, *(path or ())])}")


def invocation(
    service: Service,
    call: Call,
    catalog: Catalog,
    kind: str,
    request: BindRequest | AggregateBindRequest,
    *,
    execution: bytes | None = None,
    data: bytes | None = None,
    scan: Scan | None = None,
) -> Invocation:
    """What the function of a bind may know of the call.

    Args:
        service: what is served.
        call: the call that carries the bind, now or earlier.
        catalog: the function's.
        kind: the function's.
        request: the bind.
        execution: the execution, once it has begun.
        data: what the bind left for the scan.
        scan: what is wanted of the scan.
    """
    return Invocation(
        function=request.function_name,
        catalog=catalog.catalog_name,
        kind=kind,
        log=log_of(call),
        declared_settings=catalog.settings,
        settings=request.settings,
        secrets=request.secrets,
        caller=call.caller,
        attachment=attachment_id(request.attach_opaque_data),
        transaction=getattr(request, "transaction_opaque_data", None),
        execution=execution,
        data=data,
        scan=scan,
        scopes=lambda: service.scopes,
        options=lambda: attach_options(request.attach_opaque_data),
        data_version=lambda: attached_version(request.attach_opaque_data),
        at=_at(getattr(request, "at_unit", None), getattr(request, "at_value", None)),
        target=source.expected_schema if (source := getattr(request, "copy_from", None)) is not None else None,
    )


class _Attached(Protocol):
    """A request about an attachment."""

    @property
    def attach_opaque_data(self) -> bytes: ...


def looking(service: Service, call: Call, catalog: Catalog, request: _Attached) -> Context:
    """What a catalog may know of a call that asks what it contains."""
    return Context(
        Invocation(
            function="",
            catalog=catalog.catalog_name,
            log=log_of(call),
            declared_settings=catalog.settings,
            caller=call.caller,
            attachment=attachment_id(request.attach_opaque_data),
            transaction=getattr(request, "transaction_opaque_data", None),
            scopes=lambda: service.scopes,
            options=lambda: attach_options(request.attach_opaque_data),
            data_version=lambda: attached_version(request.attach_opaque_data),
            at=_at(getattr(request, "at_unit", None), getattr(request, "at_value", None)),
        )
    )


def _at(unit: str | None, value: str | None) -> At | None:
    """The AT clause of a call.

    Raises:
        ArgumentError: it is none.
    """
    if not unit and not value:
        return None
    if unit not in ("VERSION", "TIMESTAMP") or not value:
        raise ArgumentError(f"AT needs a VERSION or a TIMESTAMP, not {unit or 'no unit'} {value or 'without a value'}")
    return At("version" if unit == "VERSION" else "timestamp", value)


def log_of(call: Call) -> Any:
    """How a function's log messages reach the client."""
    return lambda level, message, fields: call.log(level, message, fields)
