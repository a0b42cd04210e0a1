"""``Const`` arguments, and why they travel as columns: DuckDB computes one of two calls that differ in one."""

from __future__ import annotations

from pathlib import Path

import pytest

from .session import Session, attach_statement, location

pytestmark = pytest.mark.sql

WORKER = """
import pyarrow as pa

import duckwing as dw

demo = dw.Catalog("constants")


@demo.scalar
def times(value: pa.Int64Array, factor: dw.Const[int]) -> pa.Int64Array:
    assert isinstance(value, pa.Array) and isinstance(factor, int)
    return pa.array([v * factor for v in value.to_pylist()], pa.int64())


@demo.scalar
def plus(value: int, step: dw.Const[int]) -> int:
    return value + step
"""


@pytest.fixture(scope="module")
def constants(open_session: object, tmp_path_factory: pytest.TempPathFactory) -> Session:
    path = tmp_path_factory.mktemp("constants") / "worker.py"
    path.write_text(WORKER, encoding="utf-8")
    session: Session = open_session()  # type: ignore[operator]
    session.execute(attach_statement(location(Path(path)), "constants", "constants"))
    return session


@pytest.mark.parametrize(("function", "operator"), [("times", "*"), ("plus", "+")])
def test_calls_that_differ_in_a_constant_are_different_calls(constants: Session, function: str, operator: str) -> None:
    f = f"constants.{function}"
    assert constants.rows(f"SELECT {f}(x, 2), {f}(x, 3), {f}(x, 2) FROM range(5, 8) t(x)") == constants.rows(
        f"SELECT x {operator} 2, x {operator} 3, x {operator} 2 FROM range(5, 8) t(x)"
    )
    assert (
        constants.value(
            f"SELECT count(*) FROM range(9) t(x) WHERE {f}(x, 2) = x {operator} 2 AND {f}(x, 3) = x {operator} 3"
        )
        == 9
    )
    assert constants.row(f"SELECT sum({f}(x, 2)), sum({f}(x, 3)) FROM range(9) t(x)") == constants.row(
        f"SELECT sum(x {operator} 2), sum(x {operator} 3) FROM range(9) t(x)"
    )


def test_a_constant_that_is_a_column_is_right_all_the_same(constants: Session) -> None:
    query = "FROM (SELECT range AS x, nullif(range % 3, 1) AS f FROM range(10000))"
    assert constants.rows(f"SELECT constants.times(x, f) {query}") == constants.rows(f"SELECT x * f {query}")


def test_null_as_a_constant_is_null(constants: Session) -> None:
    assert constants.rows("SELECT constants.times(x, NULL), constants.plus(x, NULL) FROM range(2) t(x)") == [
        (None, None),
        (None, None),
    ]
