"""Changes that no catalog takes: an exact refusal in place of "not implemented"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import CatalogError
from .attachment import attached_catalog

if TYPE_CHECKING:
    from ..catalog.declared import Catalog
    from ..rpc.call import Call
    from . import Service


def _refuse(service: Service, call: Call, request: Any) -> NoReturn:
    catalog = attached_catalog(service, call, request.attach_opaque_data)
    raise refused(catalog, call.method)


def refused(catalog: Catalog, method: str, why: str = "") -> CatalogError:
    """The error of a change that a catalog does not take.

    Args:
        catalog: the catalog.
        method: would make it, such as ``catalog_table_create``.
        why: follows the sentence.
    """
    what, operation = method.removeprefix("catalog_").rsplit("_", 1)
    writable = any(schema.mounted is not None and schema.mounted.writes for schema in catalog.schemas())
    statement = f"{operation.upper()} {what.replace('_', ' ').upper()}"
    if not writable:
        return CatalogError(f"Cannot {statement} in '{catalog.catalog_name}': catalog is read-only{why}")
    return CatalogError(f"catalog '{catalog.catalog_name}' does not take {statement}{why}")


catalog_index_create = _refuse
catalog_index_drop = _refuse
catalog_macro_create = _refuse
catalog_macro_drop = _refuse
