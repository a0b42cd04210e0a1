"""Calling declared functions in this process, as SQL would."""

from __future__ import annotations

import datetime
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import polars
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import duckwing as dw
from duckwing.rpc.call import Identity
from duckwing.testing import call
from duckwing.types import BIGINT, DECIMAL, HUGEINT, LIST, VARCHAR


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No call leaves anything on disk or in memory, but for the user's key where a secret had to be sealed."""
    places = [tmp_path / name for name in ("temporary", "memory", "state")]
    places[0].mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(places[0]))
    monkeypatch.setenv("DUCKWING_MEMORY_DIR", str(places[1]))
    monkeypatch.setenv("DUCKWING_STATE_DIR", str(places[2]))
    yield
    left = [path.relative_to(tmp_path) for place in places if place.exists() for path in place.iterdir()]
    assert set(map(str, left)) <= {"state/key"}


@dw.scalar
def initials(first: str, last: str) -> str:
    return first[0] + last[0]


class TestScalars:
    def test_lists_are_columns_and_nulls_never_arrive(self) -> None:
        result = call(initials, ["Grace", None, "Ada"], ["Hopper", "x", None])
        assert result.type == pa.utf8()
        assert result.to_pylist() == ["GH", None, None]

    def test_a_single_value_stands_for_a_column(self) -> None:
        assert call(initials, ["Grace", "Ada"], "Lovelace").to_pylist() == ["GL", "AL"]
        assert call(initials, "Grace", "Hopper").to_pylist() == ["GH"]

    def test_values_get_the_declared_type(self) -> None:
        @dw.scalar(nulls="pass")
        def kind(
            a: Annotated[Decimal, DECIMAL(18, 3)],
            b: Annotated[int, HUGEINT],
            c: uuid.UUID,
            d: datetime.timedelta,
            e: Annotated[list[int], LIST(BIGINT)],
        ) -> str:
            return f"{a} {b} {c} {d} {e}"

        key = uuid.UUID(int=7)
        [text] = call(kind, Decimal("1.5"), 2**100, key, datetime.timedelta(hours=1), [[1, 2]]).to_pylist()
        assert text == f"1.500 {2**100} {key} 1:00:00 [1, 2]"

    @pytest.mark.parametrize(
        "column",
        [
            pa.array([1, 2], pa.int32()),
            pa.chunked_array([[1], [2]]),
            np.array([1, 2]),
            polars.Series([1, 2]),
            (1, 2),
        ],
        ids=lambda column: type(column).__module__,
    )
    def test_arrays_of_any_library(self, column: Any) -> None:
        @dw.scalar
        def twice(value: pa.Int64Array) -> pa.Int64Array:
            assert value.type == pa.int64()
            return pc.multiply(value, 2)

        assert call(twice, column).to_pylist() == [2, 4]

    def test_defaults_varargs_and_constants(self) -> None:
        @dw.scalar
        def scaled(value: pa.DoubleArray, factor: dw.Const[float] = 2.0) -> pa.DoubleArray:
            assert isinstance(factor, float)
            return pc.multiply(value, factor)

        @dw.scalar
        def joined(separator: str, *parts: str) -> str:
            return separator.join(parts)

        assert call(scaled, [1.0, 2.0]).to_pylist() == [2.0, 4.0]
        assert call(scaled, [1.0, 2.0], 3).to_pylist() == [3.0, 6.0]
        assert call(scaled, [1.0, 2.0], pa.array([3.0, 4.0])).to_pylist() == [3.0, 8.0]
        assert call(joined, "-", ["a", "b"], "c").to_pylist() == ["a-c", "b-c"]
        assert call(joined, "-").to_pylist() == [""]

    def test_a_list_of_a_list_type_is_a_column_of_lists(self) -> None:
        @dw.scalar
        def total(values: list[int]) -> int:
            return sum(values)

        assert call(total, [[1, 2], [], None]).to_pylist() == [3, 0, None]

    def test_batches_are_as_large_as_those_of_duckdb(self) -> None:
        sizes: list[int] = []

        @dw.scalar
        def same(value: pa.Int64Array) -> pa.Int64Array:
            sizes.append(len(value))
            assert value.offset == 0, "as it comes out of a message"
            return value

        assert call(same, list(range(5000))).to_pylist() == list(range(5000))
        assert sizes == [2048, 2048, 904]
        sizes.clear()
        assert call(same, [1, 2, 3], batch_rows=2).to_pylist() == [1, 2, 3]
        assert sizes == [2, 1]

    def test_no_rows_and_no_arguments(self) -> None:
        @dw.scalar
        def answer() -> int:
            return 42

        assert call(answer).to_pylist() == [42]
        empty = call(initials, [], [])
        assert (empty.type, len(empty)) == (pa.utf8(), 0)

    def test_async_functions_are_awaited(self) -> None:
        @dw.scalar(concurrency=2)
        async def later(value: int) -> int:
            return value + 1

        assert call(later, [1, 2, 3]).to_pylist() == [2, 3, 4]

    def test_errors_are_raised_as_they_are(self) -> None:
        @dw.scalar
        def reciprocal(value: float) -> float:
            return 1 / value

        @dw.scalar
        def short(value: pa.Int64Array) -> pa.Int64Array:
            return value[1:]

        with pytest.raises(ZeroDivisionError) as caught:
            call(reciprocal, [1.0, 0.0])
        assert "reciprocal" in [entry.name for entry in caught.traceback]
        with pytest.raises(dw.OutputError, match="result of function 'short'"):
            call(short, [1, 2])

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((["a"], [1]), "argument 'last' must be VARCHAR"),
            ((["a"], pa.array([1])), r"initials\(first VARCHAR, last VARCHAR\)"),
            ((["a"],), "does not take 1 positional arguments: initials"),
            ((["a"], ["b"], ["c"]), "does not take 3 positional"),
            ((["a"], ["b", "c"]), "first has 1 rows, last has 2 rows"),
        ],
    )
    def test_arguments_that_do_not_fit(self, arguments: Any, message: str) -> None:
        with pytest.raises(dw.ArgumentError, match=message):
            call(initials, *arguments)

    def test_scalars_have_no_named_arguments(self) -> None:
        with pytest.raises(dw.ArgumentError, match="takes no named arguments"):
            call(initials, first="a", last="b")


class TestContext:
    def test_settings_caller_and_log(self, caplog: pytest.LogCaptureFixture) -> None:
        demo = dw.Catalog("demo")
        demo.setting("demo_digits", BIGINT, default=3)

        @demo.scalar
        def told(value: int, ctx: dw.Context) -> str:
            ctx.log("asked", level="WARN", value=value)
            return f"{ctx.catalog} {ctx.settings['demo_digits']} {ctx.caller.principal}"

        ada = Identity("bearer", "ada", True)
        assert call(told, 1, catalog=demo, caller=ada).to_pylist() == ["demo 3 ada"]
        assert call(told, 1, catalog=demo, settings={"DEMO_DIGITS": 5}).to_pylist() == ["demo 5 "]
        assert call(told, 1, settings={"demo_digits": 7}).to_pylist() == ["test 7 "]
        assert {(r.name, r.levelno, r.getMessage()) for r in caplog.records} == {
            ("duckwing.testing", logging.WARNING, "asked (value=1)")
        }
        with pytest.raises(dw.ArgumentError, match="has no setting 'nosuch'"):
            call(told, 1, catalog=demo, settings={"nosuch": 1})

    def test_the_secret_with_the_longest_fitting_scope_is_found(self) -> None:
        @dw.table_function(columns={"token": VARCHAR})
        def token(path: str, key: Annotated[dw.Secret, dw.Lookup("s3", scope="path")]) -> Iterator[tuple[str]]:
            yield (key["token"],)

        def secret(name: str, *scopes: str, type: str = "s3") -> dw.Secret:
            return dw.Secret(name, type, "config", scopes, {"token": name})

        secrets = [secret("any"), secret("mine", "s3://mine", "s3://ours"), secret("other", type="gcs")]
        assert call(token, "s3://ours/x", secrets=secrets)["token"].to_pylist() == ["mine"]
        assert call(token, "s3://yours", secrets=secrets)["token"].to_pylist() == ["any"]
        with pytest.raises(dw.ArgumentError, match="needs a secret of type 's3'"):
            call(token, "s3://ours/x", secrets=secrets[2:])

    def test_aggregates_get_secrets_too(self) -> None:
        @dw.aggregate
        class signed:
            total: int = 0

            def __init__(self, key: Annotated[dw.Secret, dw.Lookup("api")]):
                self.key = key

            def update(self, value: int) -> None:
                self.total += value

            def merge(self, other: signed) -> None:
                self.total += other.total

            def result(self) -> str:
                return f"{self.total} {self.key['token']}"

        secret = dw.Secret("mine", "api", "config", (), {"token": "t"})
        assert call(signed, [1, 2, 3], secrets=[secret]) == "6 t"

    def test_secrets_of_fixed_paths(self) -> None:
        @dw.table_function(columns={"found": VARCHAR})
        def found(
            *,
            one: Annotated[dw.Secret, dw.Lookup("s3", path="s3://one/")] | None,
            two: Annotated[dw.Secret, dw.Lookup("s3", path="s3://two/")] | None,
        ) -> Iterator[tuple[str]]:
            for secret in (one, two):
                yield ("" if secret is None else secret.name,)

        secrets = [dw.Secret("a", "s3", "config", ("s3://two/",), {}), dw.Secret("b", "gcs", "config", (), {})]
        assert call(found, secrets=secrets)["found"].to_pylist() == ["", "a"]

    def test_a_secret_decides_the_type_of_an_aggregate(self) -> None:
        @dw.aggregate(returns=lambda key: VARCHAR if key is not None and key["text"] else BIGINT)
        class counted:
            count: int = 0

            def __init__(self, key: Annotated[dw.Secret, dw.Lookup("api")] | None):
                self.text = key is not None and key["text"]

            def update(self, value: int) -> None:
                self.count += 1

            def merge(self, other: counted) -> None:
                self.count += other.count

            def result(self) -> object:
                return str(self.count) if self.text else self.count

        for text, expected in ((True, "2"), (False, 2)):
            assert call(counted, [1, 2], secrets=[dw.Secret("s", "api", "config", (), {"text": text})]) == expected
        assert call(counted, [1, 2]) == 2

    def test_state_is_of_one_call(self) -> None:
        @dw.scalar(stability="volatile")
        def ticket(name: str, ctx: dw.Context) -> int:
            return int(ctx.state.attachment.add(name))

        for _ in range(2):
            assert call(ticket, ["a", "a", "b", "a"], batch_rows=1).to_pylist() == [1, 2, 1, 3]


class TestTables:
    def test_table_functions(self) -> None:
        closed: list[bool] = []

        @dw.table_function(columns={"n": BIGINT})
        def numbers(count: int, *extra: int, step: int = 1) -> Iterator[Any]:
            try:
                yield {"n": list(range(0, count, step))}
                yield from ((n,) for n in extra)
            finally:
                closed.append(True)

        table = call(numbers, 10, 7, 8, step=4)
        assert table.schema == pa.schema([("n", pa.int64())])
        assert table["n"].to_pylist() == [0, 4, 8, 7, 8]
        assert closed == [True]
        with pytest.raises(dw.ArgumentError, match="needs the argument 'count'"):
            call(numbers)
        with pytest.raises(dw.ArgumentError, match="has no argument 'stride'"):
            call(numbers, 1, stride=2)
        with pytest.raises(dw.ArgumentError, match="'count' cannot be NULL"):
            call(numbers, None)

    def test_named_arguments_that_have_names_of_call_itself(self) -> None:
        @dw.table_function(columns={"n": BIGINT})
        def odd(*, settings: int, groups: int = 0) -> Iterator[tuple[int]]:
            yield (settings + groups,)

        assert call(odd, arguments={"settings": 1, "groups": 2})["n"].to_pylist() == [3]
        with pytest.raises(dw.ArgumentError, match="groups= is for aggregates"):
            call(odd, groups=2)

    def test_row_functions(self) -> None:
        @dw.row_function(columns={"word": VARCHAR})
        def words(text: str, *, upper: bool = False) -> Iterator[tuple[str]]:
            for word in text.split():
                yield (word.upper() if upper else word,)

        @dw.row_function(columns={"n": BIGINT})
        def same(n: pa.Int64Array) -> dict[str, pa.Array]:
            return {"n": n}

        texts = ["a b", None, "", "c"]
        assert call(words, texts, upper=True)["word"].to_pylist() == ["A", "B", "C"]
        for batch_rows in (1, 2, 100):
            rows = call(words, texts, lateral=True, batch_rows=batch_rows).to_pydict()
            assert rows == {"text": ["a b", "a b", "c"], "word": ["a", "b", "c"]}
        both = call(same, [4, None, 6], lateral=True)
        assert [column.to_pylist() for column in both.columns] == [[4, 6], [4, 6]]
        assert call(words, [], lateral=True).schema.names == ["text", "word"]

    def test_table_in_out(self) -> None:
        @dw.table_in_out
        def keep(rows: pa.RecordBatch, *, column: str) -> Iterator[pa.RecordBatch]:
            yield rows.filter(pc.is_valid(rows[column]))

        @dw.table_in_out(columns={"rows": BIGINT, "batches": BIGINT})
        class counted:
            rows: int = 0
            batches: int = 0

            def process(self, rows: pa.RecordBatch) -> None:
                self.rows += rows.num_rows
                self.batches += 1

            def finish(self) -> Iterator[tuple[int, int]]:
                yield self.rows, self.batches

        table = pa.table({"a": [1, None, 3], "b": ["x", "y", None]})
        assert call(keep, table, column="a")["b"].to_pylist() == ["x", None]
        assert call(keep, {"a": [None, 2]}, column="a")["a"].to_pylist() == [2]
        assert call(keep, polars.DataFrame({"a": [None, 2]}), column="a")["a"].to_pylist() == [2]
        assert call(counted, {"a": list(range(5000))}).to_pylist() == [{"rows": 5000, "batches": 3}]
        assert call(counted, {"a": []}).num_rows == 0, "DuckDB does not call it for a table without rows"
        with pytest.raises(dw.ArgumentError, match="takes a table"):
            call(keep, 3, column="a")
        with pytest.raises(dw.ArgumentError, match=r"needs its table: keep\(rows TABLE"):
            call(keep, column="a")

    def test_a_null_by_position_is_dropped_as_duckdb_drops_it(self) -> None:
        @dw.table_in_out
        def limited(rows: pa.RecordBatch, limit: int | None) -> Iterator[pa.RecordBatch]:
            yield rows.slice(0, limit)

        assert call(limited, {"a": [1, 2]}, 1).num_rows == 1
        with pytest.raises(dw.ArgumentError, match=r"limited.*NULL"):
            call(limited, {"a": [1, 2]}, None)

    def test_buffering(self) -> None:
        @dw.buffering
        def top(rows: Iterator[pa.RecordBatch], k: int, *, by: str) -> Iterator[pa.Table]:
            yield pa.Table.from_batches(rows).sort_by([(by, "descending")]).slice(0, k)

        @dw.buffering(columns={"share": BIGINT, "total": BIGINT})
        class spread:
            def sink(self, rows: pa.RecordBatch) -> pa.RecordBatch:
                return pa.record_batch({"sum": [pc.sum(rows["a"]).as_py()]})

            def split(self, parts: Any) -> list[list[Any]]:
                return [[part] for part in range(len(parts))]

            def source(self, parts: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, int]]:
                batches = list(parts)
                yield len(batches), sum(batch["sum"][0].as_py() for batch in batches)

        values = {"a": list(range(5000))}
        assert call(top, values, 2, by="a")["a"].to_pylist() == [4999, 4998]
        totals = call(spread, values, batch_rows=2500)
        assert totals["share"].to_pylist() == [1, 1]
        assert sum(totals["total"].to_pylist()) == sum(range(5000))


@dw.aggregate
class total_of:
    total: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.total, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.total)


@dw.aggregate
class joined:
    text: str = ""

    def __init__(self, separator: str = ","):
        self.separator = separator

    def update(self, value: str) -> None:
        self.text += self.separator + value

    def merge(self, other: joined) -> None:
        self.text += other.text

    def result(self) -> str:
        return self.text.removeprefix(self.separator)


class TestAggregates:
    def test_by_group(self) -> None:
        assert call(total_of, [1, 2, 3, None], groups=["a", "b", "a", None]) == {"a": 4, "b": 2, None: None}
        assert call(total_of, [], groups=[]) == {}

    def test_without_groups(self) -> None:
        assert call(total_of, [1, 2, 3]) == 6
        assert call(total_of, []) is None
        assert call(total_of, [None]) is None

    def test_many_batches_and_groups(self) -> None:
        values = list(range(10_000))
        sums = call(total_of, values, groups=np.array(values) % 7, batch_rows=100)
        assert sums == {g: sum(values[g::7]) for g in range(7)}

    def test_halves_are_merged_in_the_order_of_the_rows(self) -> None:
        letters = list("abcdefg")
        assert call(joined, letters) == "a,b,c,d,e,f,g"
        assert call(joined, letters, "; ", groups=[1, 2, 1, 2, 1, 2, 1]) == {1: "a; c; e; g", 2: "b; d; f"}

    def test_a_wrong_merge_shows(self) -> None:
        @dw.aggregate
        class forgetful:
            total: int = 0

            def update(self, value: int) -> None:
                self.total += value

            def merge(self, other: forgetful) -> None: ...

            def result(self) -> int:
                return self.total

        assert call(forgetful, [1, 2, 3]) != 6

    def test_without_columns_the_groups_count_the_rows(self) -> None:
        @dw.aggregate
        class rows:
            n: dw.PerGroup[int] = 0

            def update(self, groups: dw.Groups) -> None:
                groups.count(self.n)

            def result(self, groups: dw.Groups) -> pa.Int64Array:
                return groups.take(self.n)

        assert call(rows, groups=["a", "b", "a"]) == {"a": 2, "b": 1}

    def test_errors(self) -> None:
        with pytest.raises(dw.ArgumentError, match="groups= has 2 rows, value has 3 rows"):
            call(total_of, [1, 2, 3], groups=[1, 2])
        with pytest.raises(dw.ArgumentError, match="takes no named arguments"):
            call(joined, ["a"], separator=";")


def test_what_is_not_declared_is_refused() -> None:
    undeclared: Any = str.upper
    with pytest.raises(dw.ArgumentError, match=r"declared with dw\.scalar"):
        call(undeclared, ["a"])


def test_a_call_imports_neither_pytest_nor_duckdb() -> None:
    program = """
import sys
import duckwing as dw
from duckwing.testing import call

@dw.scalar
def twice(value: int) -> int:
    return 2 * value

assert call(twice, [1]).to_pylist() == [2]
print([name for name in ("pytest", "duckdb", "typer") if name in sys.modules])
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environment)
    assert (done.stdout, done.stderr) == ("[]\n", "")
