"""The aggregate functions of ``example`` whose code comes with the query: there if the environment says so."""

from __future__ import annotations

from textwrap import indent

import pytest

from ..sql.session import Session, literal
from .attaching import attach

pytestmark = pytest.mark.sql


@pytest.fixture
def dynamic(fresh: Session) -> Session:
    attach(fresh, "main", "example", environment="VGI_WORKER_SUPPORTS_DYNAMIC_CODE=1")
    fresh.execute("USE example")
    return fresh


def aggregate(body: str, parameters: str = "table", *, more: str = "") -> str:
    """The code of a class that aggregates so, as SQL."""
    return literal(
        f"class Aggregate:\n    @staticmethod\n    def finalize({parameters}):\n{indent(body, ' ' * 8)}\n{more}"
    )


TOTAL = "return sum(table['c0'].to_pylist())"


def test_what_is_registered(dynamic: Session) -> None:
    query = """
        SELECT function_name, parameter_types, varargs, return_type FROM duckdb_functions()
        WHERE database_name = 'example' AND function_type = 'aggregate' AND {} ORDER BY ALL
    """
    assert dynamic.rows(query.format("starts_with(function_name, 'vgi_dynamic')")) == [
        ("vgi_dynamic_agg", ["VARCHAR"], "ANY", "DOUBLE"),
        ("vgi_dynamic_ml_agg", ["VARCHAR", "MAP(VARCHAR, DOUBLE)"], "ANY", "DOUBLE"),
    ]
    assert len(dynamic.rows(query.format("NOT starts_with(function_name, 'vgi_dynamic')"))) == 18


def test_there_by_request_only(example: Session) -> None:
    assert "vgi_dynamic_agg does not exist" in example.error("SELECT vgi_dynamic_agg('', 1)")


def test_groups(dynamic: Session) -> None:
    weighted = aggregate("return np.sum(table['c0'].to_numpy() * table['c1'].to_numpy())")
    query = "SELECT g, {} FROM (SELECT i % 3 AS g, i FROM range(30000) t(i)) GROUP BY g ORDER BY g"
    assert dynamic.rows(query.format(f"vgi_dynamic_agg({weighted}, i, 0.5)")) == dynamic.rows(
        query.format("sum(i * 0.5)::DOUBLE")
    )


def test_parameters(dynamic: Session) -> None:
    code = aggregate("return params['a'] * table.num_rows + len(params)", "table, params")
    query = f"SELECT vgi_dynamic_ml_agg({code}, MAP {{'a': 2.5, 'b': 0.0}}, i) FROM range(100) t(i)"
    assert dynamic.value(query) == 252.0


@pytest.mark.parametrize("body", ["return None", "return pa.compute.sum(pa.nulls(1, pa.int64())).as_py()"])
def test_null(dynamic: Session, body: str) -> None:
    assert dynamic.value(f"SELECT vgi_dynamic_agg({aggregate(body)}, 1)") is None


def test_rows_with_a_null_and_no_rows(dynamic: Session) -> None:
    rows = "(VALUES (1, 2), (NULL, 3), (4, NULL), (5, 6)) t(a, b)"
    code = aggregate("return 100 * table.num_rows + sum(table['c1'].to_pylist())")
    assert dynamic.value(f"SELECT vgi_dynamic_agg({code}, a, b) FROM {rows}") == 208
    assert dynamic.value(f"SELECT vgi_dynamic_agg({code}, a, b) FROM {rows} WHERE a > 9") is None


def test_the_order_of_rows(dynamic: Session) -> None:
    code = aggregate("return float(table['c0'][0].as_py())")
    query = f"SELECT vgi_dynamic_agg({code}, i ORDER BY {{}}) FROM range(5000) t(i)"
    assert [dynamic.value(query.format(order)) for order in ("i", "i DESC")] == [0.0, 4999.0]


def test_windows(dynamic: Session) -> None:
    frames = (
        "OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM range(6) t(i) ORDER BY i"
    )
    expected = [1.0, 2.0, 4.0, 6.0, 8.0, 4.0]
    assert dynamic.values(f"SELECT vgi_dynamic_agg({aggregate(TOTAL)}, i) {frames}") == expected
    own = aggregate("return None", more=f"    @staticmethod\n    def window(table):\n        {TOTAL}\n")
    assert dynamic.values(f"SELECT vgi_dynamic_agg({own}, i) {frames}") == expected
    scaled = aggregate("return params['by'] * sum(table['c0'].to_pylist())", "table, params")
    call = f"vgi_dynamic_ml_agg({scaled}, MAP {{'by': 2.0}}, i)"
    assert dynamic.values(f"SELECT {call} {frames}") == [2 * value for value in expected]


def test_declarations(dynamic: Session) -> None:
    """Names for classes that describe themselves are there."""
    declared = (
        "@dataclass\nclass State:\n    total: Annotated[int, 'a sum'] = 0\n"
        "    parts: list = field(default_factory=list)\n"
    )
    code = literal(declared) + " || " + aggregate("return State(total=table.num_rows).total")
    assert dynamic.value(f"SELECT vgi_dynamic_agg({code}, i) FROM range(7) t(i)") == 7.0


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (aggregate("return 1 / 0"), "ZeroDivisionError"),
        (literal("class Aggregate"), "SyntaxError"),
        (literal("x = 1"), "declares a class Aggregate"),
    ],
)
def test_code_that_fails(dynamic: Session, code: str, message: str) -> None:
    assert message in dynamic.error(f"SELECT vgi_dynamic_agg({code}, 1)")


def test_there_must_be_a_column(dynamic: Session) -> None:
    for call in ("vgi_dynamic_agg({})", "vgi_dynamic_ml_agg({}, MAP {{'by': 2.0}})"):
        code = aggregate("return table.num_rows")
        assert "requires at least 1 value" in dynamic.error(f"SELECT {call.format(code)} FROM range(3)")
    assert dynamic.value(f"SELECT vgi_dynamic_agg({aggregate(TOTAL)}, 1)") == 1.0
