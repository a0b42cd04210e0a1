"""The VGI protocol 2.0.0: every record, enum, key and method, declared once; no behaviour.

Each module has the records of one area and its methods, a constant each, named like the method in
upper case: ``bind`` is :data:`duckwing.protocol.calls.BIND`. :data:`VGI` finds a method by its
name and imports no more than that method's module, because a worker often starts to answer one
call only. The order of a record's fields is their order on the wire: the client compares the
schemas of results exactly (spec 04, section 1.3).
"""

from typing import Any

from ..rpc.method import LazyTable, Method, Protocol

PROTOCOL_NAME = "vgi.v2"
PROTOCOL_VERSION = "2.0.0"

_METHODS = {
    "attach": ("catalog_attach",),
    "catalogs": (
        "catalog_catalogs",
        "catalog_detach",
        "catalog_create",
        "catalog_drop",
    ),
    "formats": ("catalog_copy_from_formats",),
    "transactions": (
        "catalog_version",
        "catalog_transaction_begin",
        "catalog_transaction_commit",
        "catalog_transaction_rollback",
    ),
    "listing": (
        "catalog_schemas",
        "catalog_schema_get",
        "catalog_schema_contents_tables",
        "catalog_schema_contents_views",
        "catalog_schema_contents_indexes",
        "catalog_schema_contents_functions",
        "catalog_schema_contents_macros",
        "catalog_view_get",
        "catalog_index_get",
        "catalog_macro_get",
    ),
    "tables": (
        "catalog_table_get",
        "catalog_table_scan_function_get",
        "catalog_table_scan_branches_get",
        "catalog_table_column_statistics_get",
        "catalog_table_insert_function_get",
        "catalog_table_update_function_get",
        "catalog_table_delete_function_get",
    ),
    "ddl": (
        "catalog_schema_create",
        "catalog_schema_drop",
        "catalog_table_create",
        "catalog_table_drop",
        "catalog_table_rename",
        "catalog_table_comment_set",
        "catalog_table_column_add",
        "catalog_table_column_drop",
        "catalog_table_column_rename",
        "catalog_table_column_type_change",
        "catalog_table_column_default_set",
        "catalog_table_column_default_drop",
        "catalog_table_column_comment_set",
        "catalog_table_not_null_set",
        "catalog_table_not_null_drop",
        "catalog_view_create",
        "catalog_view_drop",
        "catalog_view_rename",
        "catalog_view_comment_set",
        "catalog_macro_create",
        "catalog_macro_drop",
        "catalog_index_create",
        "catalog_index_drop",
    ),
    "calls": ("bind", "init"),
    "scans": (
        "table_function_cardinality",
        "table_function_statistics",
        "table_function_plan",
        "table_function_dynamic_to_string",
    ),
    "buffering": ("table_buffering_process", "table_buffering_combine", "table_buffering_destructor"),
    "aggregates": (
        "aggregate_bind",
        "aggregate_update",
        "aggregate_combine",
        "aggregate_finalize",
        "aggregate_destructor",
        "aggregate_window_init",
        "aggregate_window",
        "aggregate_window_batch",
        "aggregate_window_destructor",
        "aggregate_streaming_open",
        "aggregate_streaming_chunk",
        "aggregate_streaming_close",
    ),
}

VGI = Protocol(
    PROTOCOL_NAME,
    PROTOCOL_VERSION,
    LazyTable[Method[Any, Any]](
        {f"{__name__}.{module}": names for module, names in _METHODS.items()},
        attribute=str.upper,
    ),
)
"""The protocol with all its methods (spec 01, section 20)."""
