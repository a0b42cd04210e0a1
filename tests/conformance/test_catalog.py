"""The catalog ``example``: what ATTACH tells, settings, the type of secret, and refusals."""

from __future__ import annotations

import sys

import pytest

import duckwing.client
from duckwing.protocol.attach import CatalogAttachResult
from duckwing.protocol.listing import SchemaInfo

from ..sql.session import Session, attach_statement, literal
from .attaching import CONFORMANCE, attach, place

pytestmark = pytest.mark.sql


def test_catalogs_of_the_main_worker(sql: Session) -> None:
    query = f"SELECT catalog, implementation_version, data_version_spec FROM vgi_catalogs({literal(place('main'))})"
    found = {catalog: versions for catalog, *versions in sql.rows(query)}
    assert found == {
        "example": ["", ""],
        "accumulate": ["vgi-fixture", "2.0.0"],
        "schema_reconcile": ["", ""],
        "projection_repro": ["", ""],
        "narrow_bind": ["", ""],
        "twin_a": ["", ""],
        "twin_b": ["", ""],
    }


def test_an_unknown_catalog(sql: Session) -> None:
    message = sql.error(attach_statement(place("main"), "nosuch", "nosuch"))
    assert "VGI Worker Exception" in message
    assert "No worker handles catalog 'nosuch'" in message


def test_a_bare_location_is_ambiguous(sql: Session) -> None:
    assert "exposes 7 catalogs" in sql.error(f"ATTACH {literal(place('main'))} AS bare (TYPE vgi)")


def test_comments_and_tags(example: Session) -> None:
    comment, tags = example.row("SELECT comment, tags FROM duckdb_databases() WHERE database_name = 'example'")
    assert comment == "Example VGI catalog for testing"
    assert {"source": "vgi-fixture-worker", "version": "1"}.items() <= tags.items()
    query = "SELECT schema_name, comment FROM duckdb_schemas() WHERE database_name = 'example' ORDER BY ALL"
    assert example.rows(query) == [
        ("data", "Example tables backed by functions"),
        ("main", "Example functions for testing VGI"),
    ]


@pytest.fixture(scope="module")
def told() -> tuple[CatalogAttachResult, dict[str, SchemaInfo]]:
    """What ATTACH answers, and the records of the schemas."""
    command = [sys.executable, "-m", "duckwing.cli", "run", str(CONFORMANCE / "main.py")]
    with duckwing.client.connect(command) as connection:
        attached = connection.attach("example")
        return attached.about, {schema.path[-1]: schema for schema in attached.schemas()}


def test_what_attach_answers(told: tuple[CatalogAttachResult, dict[str, SchemaInfo]]) -> None:
    answer, _ = told
    assert answer.supports_transactions
    assert answer.supports_time_travel
    assert answer.supports_column_statistics
    assert answer.catalog_version_frozen
    assert answer.catalog_version == 1
    assert answer.default_schema == "main"
    assert (answer.resolved_data_version, answer.resolved_implementation_version) == (None, None)
    assert (len(answer.settings), len(answer.secret_types), len(answer.global_functions)) == (6, 1, 4)
    assert answer.global_function_prefix == "vgi_example"


def test_schemas_count_what_they_have(told: tuple[CatalogAttachResult, dict[str, SchemaInfo]]) -> None:
    """A count of 0 is a promise: that kind is never listed."""
    _, schemas = told
    assert schemas.keys() == {"main", "data"}
    main, data = (dict(schemas[name].estimated_object_count or {}) for name in ("main", "data"))
    kinds = ("view", "macro", "index", "scalar_function", "aggregate_function")
    assert [main[kind] for kind in kinds] == [2, 3, 0, 51, 17]
    assert [data[kind] for kind in kinds] == [1, 0, 0, 1, 1]
    assert (data["table"] or 0) >= 1


def test_settings(own_example: Session) -> None:
    names = "'vgi_verbose_mode', 'greeting', 'multiplier', 'threshold', 'scale_factor', 'config'"
    query = f"""
        SELECT name, input_type, value, description FROM duckdb_settings() WHERE name IN ({names}) ORDER BY name
    """
    assert own_example.rows(query) == [
        (
            "config",
            'STRUCT("start" BIGINT, step BIGINT, "label" VARCHAR)',
            None,
            "Sequence configuration struct",
        ),
        ("greeting", "VARCHAR", "Hello", "Custom greeting message"),
        ("multiplier", "BIGINT", "1", "Value multiplier"),
        ("scale_factor", "DOUBLE", "1.0", "Float scale factor"),
        ("threshold", "BIGINT", "0", "Filter threshold"),
        ("vgi_verbose_mode", "BOOLEAN", "false", "Enable verbose output"),
    ]


def test_settings_of_each_call(own_example: Session) -> None:
    query = "SELECT list(multiply_by_setting(x)), list(scale_by_setting(x)) FROM range(1, 4) t(x)"
    assert own_example.row(query) == ([1, 2, 3], [1.0, 2.0, 3.0])
    own_example.execute("SET multiplier = 5")
    own_example.execute("SET scale_factor = 0.5")
    assert own_example.row(query) == ([5, 10, 15], [0.5, 1.0, 1.5])
    own_example.execute("SET multiplier = 10")
    assert own_example.row(query) == ([10, 20, 30], [0.5, 1.0, 1.5])
    own_example.execute("RESET multiplier")
    assert own_example.row(query) == ([1, 2, 3], [0.5, 1.0, 1.5])


def test_settings_of_table_functions(own_example: Session) -> None:
    assert own_example.rows("FROM settings_aware(2)") == [(0, "Hello", 0.0), (1, "Hello", 2.5)]
    own_example.execute("SET greeting = 'Hi'")
    own_example.execute("SET multiplier = 2")
    own_example.execute("SET vgi_verbose_mode = true")
    assert own_example.rows("FROM settings_aware(2)") == [(0, "Hi", 0.0, "row_0"), (1, "Hi", 5.0, "row_1")]
    assert own_example.row("SELECT count(*), max(details) FROM settings_aware(2500)") == (2500, "row_999")
    needed = "requires the following settings to be set: config"
    assert needed in own_example.error("FROM struct_settings(3)")
    own_example.execute("SET config = {'start': 5, 'step': 2, 'label': 'L'}")
    assert own_example.rows("FROM struct_settings(3)") == [(5, "L_0"), (7, "L_1"), (9, "L_2")]
    own_example.execute("RESET config")
    assert needed in own_example.error("FROM struct_settings(3)")  # which the client does not see, but the worker
    rows = "FROM filter_by_setting((SELECT range AS value FROM range(5))) ORDER BY ALL"
    assert own_example.values(rows) == [0, 1, 2, 3, 4]
    own_example.execute("SET threshold = 3")
    assert own_example.values(rows) == [3, 4]


SECRET = "CREATE SECRET {} (TYPE vgi_example, secret_string '{}', api_key '{}', port {}, use_ssl {}, timeout 30.5 {})"


def test_the_type_of_secret(own_example: Session) -> None:
    own_example.execute(SECRET.format("one", "shh", "key", 8080, "true", ", SCOPE 's3://bucket/'"))
    [(shown, scope)] = own_example.rows("SELECT secret_string, scope FROM duckdb_secrets() WHERE name = 'one'")
    assert scope == ["s3://bucket/"]
    assert "port=8080" in shown
    assert "shh" not in shown
    assert "api_key=key" not in shown


def test_secrets_of_each_call(own_example: Session) -> None:
    assert own_example.rows("FROM secret_demo()") == []
    for name, port in (("shh", 8080), ("other", 9090)):
        own_example.execute(SECRET.format("one", name, "key", port, "true", ""))
        assert own_example.value("SELECT secret_field()") == f"port={port};name={name}"
        value = own_example.value("SELECT json_extract_string(return_secret_value(), '$.secret_string')")
        assert value == name
        assert own_example.rows("FROM secret_demo() ORDER BY key") == [
            ("api_key", "key", "string"),
            ("port", str(port), "int32"),
            ("secret_string", name, "string"),
            ("timeout", "30.5", "double"),
            ("use_ssl", "true", "bool"),
        ]
        assert own_example.rows("FROM secret_in_out((SELECT 7 AS n))") == [(7, name)]
        own_example.execute("DROP SECRET one")


def test_secrets_of_a_path(own_example: Session) -> None:
    for bucket in ("a", "b"):
        scope = f", SCOPE 's3://bucket-{bucket}/'"
        own_example.execute(SECRET.format(f"of_{bucket}", bucket, f"key-{bucket}", 1, "false", scope))
    path = "s3://bucket-a/data.parquet"
    keys = "api_key,port,secret_string,timeout,use_ssl"
    [(scope, found, shown)] = own_example.rows(f"FROM scoped_secret_demo('{path}')")
    assert (scope, found, ",".join(sorted(shown.split(",")))) == (path, True, keys)
    assert own_example.rows("FROM scoped_secret_demo('gs://x')") == [("gs://x", False, "")]
    for bucket, key in (("a", "key-a"), ("b", "key-b"), ("c", "")):
        assert own_example.rows(f"FROM multi_secret_demo('s3://bucket-{bucket}/x')") == [(key,)]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE SCHEMA example.x",
        "CREATE SCHEMA IF NOT EXISTS example.x",
        "CREATE OR REPLACE SCHEMA example.x",
        "ALTER TABLE example.main.even_numbers ADD COLUMN z INTEGER",
        "ALTER TABLE example.main.even_numbers ADD COLUMN IF NOT EXISTS z INTEGER",
        "ALTER TABLE example.main.even_numbers DROP COLUMN n",
        "ALTER TABLE example.main.even_numbers DROP COLUMN IF EXISTS n",
    ],
)
def test_the_catalog_is_read_only(example: Session, statement: str) -> None:
    message = example.error(statement)
    assert "VGI Worker Exception" in message
    assert "catalog is read-only" in message


def test_the_process_goes_on_after_an_error(example: Session) -> None:
    for _ in range(3):
        assert "must be >= 1" in example.error("FROM sequence(3, batch_size := 0)")
        assert example.values("FROM sequence(3)") == [0, 1, 2]


def test_transactions(example: Session) -> None:
    session = example.cursor()
    session.execute("USE example")
    session.execute("BEGIN")
    assert session.value("SELECT double(2)") == 4
    session.execute("COMMIT")
    session.execute("BEGIN")
    assert session.value("SELECT double(3)") == 6
    session.execute("ROLLBACK")


def test_attached_twice(fresh: Session) -> None:
    attach(fresh, "main", "example", alias="one")
    attach(fresh, "main", "example", alias="other")
    assert fresh.row("SELECT one.double(2), other.double(3)") == (4, 6)
    fresh.execute("DETACH one")
    assert fresh.value("SELECT other.double(4)") == 8
