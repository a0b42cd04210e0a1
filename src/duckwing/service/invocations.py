"""From the records of a call to what functions know of it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ..catalog.declared import Catalog
from ..catalog.schema import Schema
from ..errors import ArgumentError, CatalogError
from ..functions.context import At, Context, Invocation
from .attachment import attach_options, attached_version, attachment_id
from .ownership import check_own

if TYPE_CHECKING:
    from ..rpc.call import Call
    from ..scans.scan import Scan
    from . import Service


def schema_of(catalog: Catalog, path: Sequence[str]) -> Schema | None:
    """The declared schema of a path, None if there is none."""
    return catalog.find_schema(path[0]) if len(path) == 1 else None


def seen_schema(catalog: Catalog, path: Sequence[str], ctx: Context) -> Schema | None:
    """As :func:`schema_of`, also a schema that a provider has."""
    return catalog.seen_schema(path[0], ctx) if len(path) == 1 else None


def schemas_of(catalog: Catalog, path: Sequence[str] | None) -> list[Schema]:
    """The schemas in which a function is looked for: the one of ``path``, or all if it names none."""
    if not path:
        return list(catalog.schemas())
    schema = schema_of(catalog, path)
    return [schema] if schema is not None else []


def no_function(catalog: Catalog, path: Sequence[str] | None, kind: str, name: str) -> CatalogError:
    """The error of a call whose function does not exist."""
    return CatalogError(f"there is no {kind} function '{name}' in {'.'.join([catalog.catalog_name, *(path or ())])}")


class _Attached(Protocol):
    """A request about an attachment."""

    @property
    def attach_opaque_data(self) -> bytes | None: ...


def invocation(
    service: Service,
    call: Call,
    catalog: Catalog,
    kind: str,
    request: _Attached,
    *,
    execution: bytes | None = None,
    data: bytes | None = None,
    scan: Scan | None = None,
) -> Invocation:
    """What user code may know of the call; of a request without a field, what that field would tell is not known.

    Args:
        service: what is served.
        call: the call that carries the request, now or earlier.
        catalog: the one that is asked.
        kind: of the function; ``""`` if the call is about none.
        request: the bind of a function, or a question about what the catalog contains.
        execution: the execution, once it has begun.
        data: what the bind left for the scan.
        scan: what is wanted of the scan.

    Raises:
        StateError: the transaction is somebody else's.
    """
    copy_from = getattr(request, "copy_from", None)
    transaction = getattr(request, "transaction_opaque_data", None)
    check_own(service, call, "transaction", transaction)
    return Invocation(
        function=getattr(request, "function_name", ""),
        catalog=catalog.catalog_name,
        kind=kind,
        log=log_of(call),
        declared_settings=catalog.settings,
        settings=getattr(request, "settings", None),
        secrets=getattr(request, "secrets", None),
        caller=call.caller,
        attachment=attachment_id(request.attach_opaque_data),
        transaction=transaction,
        execution=execution,
        data=data,
        scan=scan,
        scopes=lambda: service.scopes,
        options=lambda: attach_options(request.attach_opaque_data),
        data_version=functools.cache(lambda: attached_version(request.attach_opaque_data)),
        at=_at(getattr(request, "at_unit", None), getattr(request, "at_value", None)),
        target=None if copy_from is None else copy_from.expected_schema,
    )


def looking(service: Service, call: Call, catalog: Catalog, request: _Attached) -> Context:
    """What a catalog may know of a call that asks what it contains."""
    return Context(invocation(service, call, catalog, "", request))


def _at(unit: str | None, value: str | None) -> At | None:
    """The AT clause of a call.

    Raises:
        ArgumentError: it is none.
    """
    if not unit and not value:
        return None
    unit = unit.upper() if unit else unit
    if unit not in ("VERSION", "TIMESTAMP") or not value:
        raise ArgumentError(f"AT needs a VERSION or a TIMESTAMP, not {unit or 'no unit'} {value or 'without a value'}")
    return At("version" if unit == "VERSION" else "timestamp", value)


def log_of(call: Call) -> Any:
    """How a function's log messages reach the client."""
    return lambda level, message, fields: call.log(level, message, fields)
