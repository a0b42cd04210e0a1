"""Writes to a catalog that cannot be written: an exact refusal in place of "not implemented"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import CatalogError
from .attachment import attached_catalog

if TYPE_CHECKING:
    from ..rpc.call import Call
    from . import Service


def _refuse(service: Service, call: Call, request: Any) -> NoReturn:
    catalog = attached_catalog(service, request.attach_opaque_data)
    what = call.method.removeprefix("catalog_").rsplit("_", 1)
    raise CatalogError(
        f"catalog '{catalog.catalog_name}' is read-only: it does not take {what[1].upper()} {what[0].upper()}"
    )


catalog_index_create = _refuse
catalog_index_drop = _refuse
catalog_macro_create = _refuse
catalog_macro_drop = _refuse
catalog_schema_create = _refuse
catalog_schema_drop = _refuse
catalog_table_create = _refuse
catalog_table_drop = _refuse
catalog_view_create = _refuse
catalog_view_drop = _refuse
