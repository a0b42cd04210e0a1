"""The declarations against the tables of the spec, written out by hand here."""

import enum
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest

from duckwing.protocol import (
    VGI,
    aggregates,
    attach,
    buffering,
    calls,
    catalogs,
    ddl,
    formats,
    functions,
    listing,
    metadata,
    scans,
    shared,
    tables,
    transactions,
)
from duckwing.rpc.codec import schema_of
from duckwing.rpc.method import Method
from duckwing.rpc.reflection import protocol_hash

from .records import MODULES, RECORDS

# --- Methods


def names(text: str) -> list[str]:
    return text.split()


HASHED = names(
    """
    bind init table_function_cardinality table_function_statistics table_function_plan
    table_function_dynamic_to_string table_buffering_process table_buffering_combine table_buffering_destructor
    aggregate_bind aggregate_update aggregate_combine aggregate_finalize aggregate_destructor catalog_catalogs
    catalog_attach catalog_detach catalog_create catalog_drop catalog_version catalog_copy_from_formats
    catalog_transaction_begin catalog_transaction_commit catalog_transaction_rollback catalog_schemas
    catalog_schema_get catalog_schema_create catalog_schema_drop catalog_schema_contents_tables
    catalog_schema_contents_views catalog_schema_contents_indexes catalog_schema_contents_functions
    catalog_schema_contents_macros catalog_table_get catalog_table_scan_function_get
    catalog_table_scan_branches_get catalog_table_column_statistics_get catalog_table_create catalog_table_drop
    catalog_table_rename catalog_table_comment_set catalog_table_column_add catalog_table_column_drop
    catalog_table_column_rename catalog_table_column_type_change catalog_table_column_default_set
    catalog_table_column_default_drop catalog_table_not_null_set catalog_table_not_null_drop catalog_view_get
    catalog_index_get catalog_macro_get catalog_view_create catalog_view_drop catalog_view_rename
    catalog_view_comment_set catalog_macro_create catalog_macro_drop
    """
)
"""The methods of the first table of spec 01, section 20, which the published hash covers."""

FURTHER = names(
    """
    aggregate_window_init aggregate_window aggregate_window_batch aggregate_window_destructor
    aggregate_streaming_open aggregate_streaming_chunk aggregate_streaming_close catalog_table_insert_function_get
    catalog_table_update_function_get catalog_table_delete_function_get catalog_table_column_comment_set
    catalog_index_create catalog_index_drop
    """
)
"""The methods of its second table."""


def test_published_hash() -> None:
    """Spec 01, section 13.4: covers names, parameters, results and their nullability."""
    assert len(HASHED) == 58
    expected = "3e95910fef8ae84dab23d3c431bbb23aa9fa77dd6b7b942ee403b984388b274a"
    assert protocol_hash(VGI, dict.fromkeys(HASHED)) == expected


def test_table_has_all_methods() -> None:
    assert sorted(VGI.methods) == sorted(HASHED + FURTHER)


@pytest.mark.parametrize("name", VGI.methods)
def test_name_resolves(name: str) -> None:
    assert VGI.methods[name].name == name


def test_constants_are_in_the_table() -> None:
    constants = {name: value for module in MODULES for name, value in vars(module).items() if isinstance(value, Method)}
    assert {name: method.name.upper() for name, method in constants.items()} == {name: name for name in constants}
    assert {name.lower(): method for name, method in constants.items()} == dict(VGI.methods)


@pytest.mark.parametrize(("name", "loaded"), [(None, set()), ("catalog_attach", {"attach"})])
def test_a_lookup_imports_one_module(name: str | None, loaded: set[str]) -> None:
    code = f"""
import sys
from duckwing.protocol import VGI
name = {name!r}
if name: VGI.methods[name]
print(*(module for module in sys.modules if module.startswith("duckwing.protocol.")))
"""
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert set(output.split()) == {f"duckwing.protocol.{module}" for module in loaded}


# --- Schemas of records

ENUM = pa.dictionary(pa.int16(), pa.utf8())


def field(name: str, type: pa.DataType) -> pa.Field:
    return pa.field(name, type, nullable=False)


FILTER_FUNCTION = pa.struct([field("namespace", pa.utf8()), field("name", pa.utf8()), field("version", pa.uint64())])

TYPES = {
    "utf8": pa.utf8(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "bool": pa.bool_(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "enum": ENUM,
    "map": pa.map_(pa.utf8(), pa.field("value", pa.utf8())),
    "counts": pa.map_(pa.utf8(), pa.field("value", pa.int64())),
    "list<utf8>": pa.list_(pa.utf8()),
    "list<binary>": pa.list_(pa.binary()),
    "list<large_binary>": pa.list_(pa.large_binary()),
    "list<int32>": pa.list_(pa.int32()),
    "list<int64>": pa.list_(pa.int64()),
    "list<list<int32>>": pa.list_(pa.list_(pa.int32())),
    "list<list<utf8>>": pa.list_(pa.list_(pa.utf8())),
    "examples": pa.list_(
        pa.struct([field("sql", pa.utf8()), field("description", pa.utf8()), pa.field("expected_output", pa.utf8())])
    ),
    "filter_functions": pa.list_(FILTER_FUNCTION),
    "contexts": pa.list_(pa.struct([field("profile", pa.utf8()), pa.field("provider_fingerprint", pa.utf8())])),
    "secrets": pa.list_(
        pa.struct([field("secret_type", pa.utf8()), pa.field("scope", pa.utf8()), pa.field("secret_name", pa.utf8())])
    ),
    "releases": pa.list_(
        pa.struct(
            [
                field("version", pa.utf8()),
                pa.field("released_at", pa.timestamp("us", tz="UTC")),
                field("summary", pa.utf8()),
                pa.field("notes_url", pa.utf8()),
            ]
        )
    ),
    "copy_from": pa.struct(
        [field("format", pa.utf8()), field("file_path", pa.utf8()), field("expected_schema", pa.binary())]
    ),
    "copy_to": pa.struct([field("format", pa.utf8()), field("file_path", pa.utf8())]),
}

SCHEMAS: dict[type, str] = {
    # spec 06, section 2.3
    functions.FunctionInfo: """
        comment utf8?, tags map, name utf8, schema_path list<utf8>, function_type enum, arguments binary,
        output_schema binary, parameter_default_values binary?, stability enum?, null_handling enum?,
        argument_monotonicity list<utf8>?, description utf8, examples examples, categories list<utf8>,
        projection_pushdown bool?, filter_pushdown bool?, sampling_pushdown bool?, late_materialization bool?,
        filter_semantic_profiles list<utf8>, additional_filter_functions filter_functions,
        runtime_filter_algorithms filter_functions, filter_evaluation_contexts contexts, order_preservation enum?,
        max_workers int32?, supports_batch_index bool, supports_splits bool, filters_exactly_applied bool,
        supports_positions bool, split_token_ttl_seconds int64?, partition_kind enum, order_dependent enum,
        distinct_dependent enum, supports_window bool, streaming_partitioned bool, has_finalize bool,
        source_order_dependent bool, sink_order_dependent bool, requires_input_batch_index bool,
        input_from_args bool, required_settings list<utf8>, required_secrets secrets""",
    # spec 04
    attach.ClientCapabilities: """
        engine utf8, native_formats list<utf8>, catalogs list<utf8>, can_stream bool, filter_encodings list<utf8>""",
    attach.CatalogAttachRequest: """
        name utf8, options binary?, data_version_spec utf8?, implementation_version utf8?,
        client_capabilities binary?""",
    attach.CatalogAttachResult: """
        attach_opaque_data binary, supports_transactions bool, supports_time_travel bool,
        catalog_version_frozen bool, catalog_version int64, attach_opaque_data_required bool, default_schema utf8,
        settings list<binary>, secret_types list<binary>, attach_catalogs list<binary>, comment utf8?, tags map,
        supports_column_statistics bool, global_functions list<binary>, global_function_prefix utf8,
        resolved_data_version utf8?, resolved_implementation_version utf8?""",
    catalogs.CatalogInfo: """
        name utf8, implementation_version utf8?, data_version_spec utf8?, attach_option_specs list<binary>,
        releases releases, source_url utf8?""",
    catalogs.AttachOptionSpec: "name utf8, description utf8, type binary, default_value binary?, required bool?",
    catalogs.SettingSpec: "name utf8, description utf8, type binary, default_value binary?",
    catalogs.SecretTypeSpec: "name utf8, description utf8, parameters_schema binary",
    catalogs.AttachedCatalog: """
        alias utf8, target utf8, db_type utf8, options map, hidden bool, required bool, secret_ref utf8""",
    formats.CopyFormatInfo: """
        comment utf8?, tags map, format_name utf8, handler utf8, options binary, direction utf8, description utf8,
        ordered bool""",
    catalogs.CatalogCreateRequest: "name utf8, on_conflict enum, options binary?",
    transactions.CatalogVersionResult: "version int64",
    transactions.TransactionBeginResult: "transaction_opaque_data binary?",
    shared.Items: "items list<binary>",
    listing.SchemaInfo: """
        comment utf8?, tags map, attach_opaque_data binary, path list<utf8>, estimated_object_count counts?""",
    listing.ViewInfo: """
        comment utf8?, tags map, name utf8, schema_path list<utf8>, definition utf8, column_comments map""",
    listing.MacroInfo: """
        comment utf8?, tags map, name utf8, schema_path list<utf8>, macro_type enum, parameters list<utf8>,
        parameter_default_values binary?, definition utf8, arguments_schema binary?""",
    listing.IndexInfo: """
        comment utf8?, tags map, name utf8, schema_path list<utf8>, table_name utf8, index_type utf8,
        constraint_type enum, expressions list<utf8>, options map""",
    tables.TableInfo: """
        comment utf8?, tags map, name utf8, schema_path list<utf8>, columns binary,
        not_null_constraints list<int32>, unique_constraints list<list<int32>>, check_constraints list<utf8>,
        primary_key_constraints list<list<int32>>, foreign_key_constraints list<binary>, write_result_modes map,
        supports_column_statistics bool, scan_function binary?, insert_function binary?, update_function binary?,
        delete_function binary?, cardinality_estimate int64?, cardinality_max int64?, column_statistics binary?,
        bind_result binary?, required_filters list<list<utf8>>""",
    tables.ForeignKeyInfo: """
        fk_columns list<utf8>, pk_columns list<utf8>, referenced_table utf8, referenced_schema_path list<utf8>""",
    tables.ScanFunctionResult: """
        function_name utf8, arguments binary, required_extensions list<utf8>, schema_path list<utf8>?""",
    tables.ScanBranch: """
        function_name utf8, arguments binary, branch_filter utf8?, writable bool, source_catalog utf8?,
        source_schema_path list<utf8>?, source_table utf8?, format_name utf8?, format_locations list<utf8>?,
        format_options binary?, schema_path list<utf8>?""",
    tables.ScanBranchesResult: "branches list<binary>, required_extensions list<utf8>",
    ddl.TableCreateRequest: """
        attach_opaque_data binary, schema_path list<utf8>, name utf8, columns binary, on_conflict enum,
        not_null_constraints list<int32>, unique_constraints list<list<int32>>, check_constraints list<utf8>,
        primary_key_constraints list<list<int32>>, foreign_key_constraints list<binary>,
        transaction_opaque_data binary?""",
    ddl.MacroCreateRequest: """
        attach_opaque_data binary, schema_path list<utf8>, name utf8, macro_type enum, parameters list<utf8>,
        definition utf8, on_conflict enum, parameter_default_values binary?, arguments_schema binary?,
        transaction_opaque_data binary?""",
    ddl.IndexCreateRequest: """
        attach_opaque_data binary, schema_path list<utf8>, name utf8, table_name utf8, index_type utf8,
        constraint_type enum, expressions list<utf8>, on_conflict enum, options map,
        transaction_opaque_data binary?""",
    # spec 05
    calls.BindRequest: """
        function_name utf8, arguments binary, function_type enum, input_schema binary?, settings binary?,
        secrets binary?, attach_opaque_data binary?, transaction_opaque_data binary?,
        resolved_secrets_provided bool, at_unit utf8?, at_value utf8?, copy_from copy_from?, copy_to copy_to?,
        schema_path list<utf8>?, argument_names list<utf8>?""",
    calls.BindResponse: """
        output_schema binary, opaque_data binary?, lookup_secret_types list<utf8>, lookup_scopes list<utf8>,
        lookup_names list<utf8>""",
    calls.InitRequest: """
        bind_call binary, output_schema binary, bind_opaque_data binary?, projection_ids list<int64>?,
        pushdown_filters large_binary?, join_keys list<large_binary>?, split_tokens list<large_binary>?,
        row_limit int64?, phase enum?, finalize_state_id binary?, execution_id binary?, init_opaque_data binary?,
        substream_id binary?, order_by_column_name utf8?, order_by_direction enum?, order_by_null_order enum?,
        order_by_limit int64?, tablesample_percentage double?, tablesample_seed int64?""",
    calls.GlobalInitResponse: "execution_id binary, opaque_data binary?, max_workers int64",
    scans.BoundRequest: "bind_call binary, bind_opaque_data binary?",
    scans.CardinalityResponse: "estimate int64?, max int64?",
    scans.DynamicToStringRequest: "bind_call binary, bind_opaque_data binary?, global_execution_id binary",
    scans.DynamicToStringResponse: "keys list<utf8>, values list<utf8>",
    scans.PlanRequest: """
        bind_call binary, bind_opaque_data binary?, projection_ids list<int64>?, pushdown_filters large_binary?,
        join_keys list<large_binary>?, row_limit int64?, target_split_bytes int64?, min_splits int64?,
        max_splits_per_response int64?, cursor binary?, refined_filters large_binary?, filters_complete bool,
        start_position binary?, end_position binary?, order_by_column_name utf8?, order_by_direction enum?,
        order_by_null_order enum?, order_by_limit int64?, tablesample_percentage double?,
        tablesample_seed int64?""",
    scans.PlanResponse: """
        splits list<binary>, next_cursors list<binary>?, execution_id binary?, init_opaque_data binary?,
        max_workers int64?, estimated_total_splits int64?, estimated_total_rows int64?,
        estimated_total_bytes int64?, catalog_version int64?, scope utf8, locations list<utf8>?,
        partitioning list<binary>?, sort_order list<binary>?, cache_max_age_seconds int64?, start_position binary?,
        end_position binary?""",
    scans.ScanSplit: """
        payload binary, token binary, estimated_rows int64?, rows_exact bool, estimated_bytes int64?,
        partition_bounds binary?, column_statistics binary?, location_ids list<int64>?, start_position binary?,
        end_position binary?""",
    buffering.BufferingProcessRequest: """
        function_name utf8, execution_id binary, input_batch binary, attach_opaque_data binary?,
        transaction_id binary?, batch_index int64?, schema_path list<utf8>?""",
    buffering.BufferingProcessResponse: "state_id binary",
    buffering.BufferingCombineRequest: """
        function_name utf8, execution_id binary, state_ids list<binary>, attach_opaque_data binary?,
        transaction_id binary?, schema_path list<utf8>?""",
    buffering.BufferingCombineResponse: "finalize_state_ids list<binary>",
    buffering.BufferingDestructorRequest: """
        function_name utf8, execution_id binary, attach_opaque_data binary?, transaction_id binary?,
        schema_path list<utf8>?""",
    shared.NoResult: "",
    aggregates.AggregateBindRequest: """
        function_name utf8, arguments binary, input_schema binary?, settings binary?, secrets binary?,
        attach_opaque_data binary?, schema_path list<utf8>?, argument_names list<utf8>?""",
    aggregates.AggregateBindResponse: "output_schema binary, execution_id binary",
    aggregates.AggregateResponse: "result_batch binary",
    aggregates.AggregateStreamingOpenRequest: """
        function_name utf8, arguments binary, input_schema binary, partition_key_count int64,
        order_key_count int64, output_schema binary, settings binary?, secrets binary?,
        attach_opaque_data binary?, schema_path list<utf8>?""",
    aggregates.AggregateStreamingOpenResponse: "execution_id binary",
}

AGGREGATE_CALLS: dict[type, str] = {
    aggregates.AggregateUpdateRequest: "input_batch binary,",
    aggregates.AggregateCombineRequest: "merge_batch binary,",
    aggregates.AggregateFinalizeRequest: "group_ids_batch binary, output_schema binary,",
    aggregates.AggregateDestructorRequest: "group_ids_batch binary,",
    aggregates.AggregateWindowInitRequest: """
        partition_id int64, row_count int64, partition_batch binary, output_schema binary, filter_mask binary,
        frame_stats binary, all_valid binary,""",
    aggregates.AggregateWindowRequest: """
        partition_id int64, rid int64, frame_starts list<int64>, frame_ends list<int64>,""",
    aggregates.AggregateWindowBatchRequest: """
        partition_id int64, row_idx int64, count int64, frames_per_row list<int64>, frame_starts list<int64>,
        frame_ends list<int64>,""",
    aggregates.AggregateWindowDestructorRequest: "partition_id int64,",
    aggregates.AggregateStreamingChunkRequest: "input_batch binary,",
    aggregates.AggregateStreamingCloseRequest: "",
}
"""What stands between the fields that all these begin and end with (spec 05, section 11.1)."""

SCHEMAS |= {
    cls: f"function_name utf8, execution_id binary, {middle} attach_opaque_data binary?, schema_path list<utf8>?"
    for cls, middle in AGGREGATE_CALLS.items()
}


def parse_schema(text: str) -> pa.Schema:
    """``"name type, other type?"`` as a schema; ``?`` marks a nullable field."""
    parts = [part.split() for part in text.split(",") if part.strip()]
    return pa.schema([pa.field(name, TYPES[type.rstrip("?")], nullable=type.endswith("?")) for name, type in parts])


@pytest.mark.parametrize("cls", SCHEMAS, ids=lambda cls: cls.__name__)
def test_record_schema(cls: type[Any]) -> None:
    expected, actual = parse_schema(SCHEMAS[cls]), schema_of(cls)
    assert [str(f) for f in actual] == [str(f) for f in expected]
    assert actual.equals(expected)


def test_function_info_has_41_fields() -> None:
    assert len(schema_of(functions.FunctionInfo)) == 41


def test_every_nested_record_is_checked() -> None:
    """Whatever is not in ``SCHEMAS`` is covered by the hash (parameters) or is part of another record."""
    parameters = {method.params for method in VGI.methods.values() if not method.wrapped}
    inlined = {
        functions.Example,
        functions.FilterFunction,
        functions.FilterEvaluationContext,
        functions.RequiredSecret,
        catalogs.Release,
        calls.CopyFrom,
        calls.CopyTo,
    }
    assert set(RECORDS) - parameters - inlined - set(SCHEMAS) == set()


TABLE = "attach_opaque_data binary, schema_path list<utf8>, name utf8,"
TRANSACTION = "transaction_opaque_data binary?"

FURTHER_FLAT = {
    "catalog_table_insert_function_get": f"{TABLE} {TRANSACTION}, writable_branch_function_name utf8?",
    "catalog_table_update_function_get": f"{TABLE} {TRANSACTION}",
    "catalog_table_delete_function_get": f"{TABLE} {TRANSACTION}",
    "catalog_table_column_comment_set": f"""
        {TABLE} column_name utf8, comment utf8?, ignore_not_found bool, {TRANSACTION}""",
    "catalog_index_drop": f"{TABLE} ignore_not_found bool, cascade bool, {TRANSACTION}",
}


@pytest.mark.parametrize("name", FURTHER)
def test_methods_outside_the_hash(name: str) -> None:
    """Spec 01, section 20, second table."""
    method = VGI.methods[name]
    assert method.params_schema.equals(parse_schema(FURTHER_FLAT.get(name, "request binary")))
    has_result = name.startswith("aggregate") or name.endswith("_get")
    assert method.result_schema.equals(parse_schema("result binary" if has_result else ""))


ENUMS: dict[type[enum.Enum], str] = {
    functions.FunctionType: "SCALAR TABLE TABLE_BUFFERING AGGREGATE",
    functions.Stability: "CONSISTENT VOLATILE CONSISTENT_WITHIN_QUERY",
    functions.NullHandling: "DEFAULT SPECIAL",
    functions.OrderPreservation: "PRESERVES_ORDER NO_ORDER_GUARANTEE FIXED_ORDER",
    functions.PartitionKind: "NOT_PARTITIONED SINGLE_VALUE_PARTITIONS OVERLAPPING_PARTITIONS DISJOINT_PARTITIONS",
    functions.OrderDependent: "ORDER_DEPENDENT NOT_ORDER_DEPENDENT",
    functions.DistinctDependent: "DISTINCT_DEPENDENT NOT_DISTINCT_DEPENDENT",
    functions.Monotonicity: """
        UNKNOWN CONSTANT NON_DECREASING STRICTLY_INCREASING NON_INCREASING STRICTLY_DECREASING""",
    listing.ObjectType: """
        TABLE VIEW SCALAR_FUNCTION TABLE_FUNCTION AGGREGATE_FUNCTION SCALAR_MACRO TABLE_MACRO INDEX""",
    listing.MacroType: "SCALAR TABLE",
    listing.IndexConstraintType: "NONE UNIQUE PRIMARY",
    shared.OnConflict: "ERROR IGNORE REPLACE",
    calls.CallType: "SCALAR TABLE TABLE_BUFFERING AGGREGATE",
    calls.Phase: "INPUT FINALIZE TABLE_BUFFERING TABLE_BUFFERING_FINALIZE",
    calls.OrderDirection: "ASC DESC",
    calls.NullOrder: "NULLS_FIRST NULLS_LAST",
}


@pytest.mark.parametrize("cls", ENUMS, ids=lambda cls: cls.__name__)
def test_enum_members(cls: type[enum.Enum]) -> None:
    assert list(cls.__members__) == ENUMS[cls].split()


def test_metadata_keys_are_distinct() -> None:
    keys = [value for name, value in vars(metadata).items() if name.isupper()]
    assert len(keys) > 30
    assert all(isinstance(key, bytes) for key in keys)
    assert len(set(keys)) == len(keys)
