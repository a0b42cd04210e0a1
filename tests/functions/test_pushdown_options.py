"""The options of table functions that say what they take off DuckDB's hands, and what is refused of them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

import duckwing as dw
from duckwing.errors import DeclarationError, OutputError
from duckwing.protocol import metadata
from duckwing.protocol.functions import OrderPreservation, PartitionKind
from duckwing.scans.partitions import Partitioning
from duckwing.scans.splits import planned
from duckwing.service.describe import table_infos
from duckwing.types import BIGINT, DATE, LIST, VARCHAR

COLUMNS = {"n": BIGINT, "region": VARCHAR}


def declare(**options: Any) -> Any:
    @dw.Catalog("demo").table_function(columns=COLUMNS, **options)
    def numbers(count: int = 1) -> Iterator[tuple[int, str]]:
        yield (count, "x")

    return numbers


def declare_splits(**options: Any) -> Any:
    @dw.Catalog("demo").table_function(columns=COLUMNS, **options)
    class parts:
        def plan(self) -> list[int]:
            return [1]

        def scan(self, split: int) -> Iterator[tuple[int, str]]:
            yield (split, "x")

    return parts


def refused(declaration: Any, **options: Any) -> str:
    with pytest.raises(DeclarationError) as caught:
        declaration(**options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"filters": "all"}, "filters= is one of apply, mine, none, not 'all'"),
        ({"filters": None}, "filters= is one of apply, mine, none, not None"),
        ({"order": "kept"}, "order= is one of preserved, none, fixed, not 'kept'"),
        (
            {"partitions": "many", "partition_by": "n"},
            "partitions= is one of single, disjoint, overlapping, not 'many'",
        ),
        ({"samples": "yes"}, "samples= is True or False, not 'yes'"),
        ({"partition_by": "m"}, "partition_by= names 'm', which is none of its columns n, region"),
        ({"partition_by": ["n", "m"]}, "partition_by= names 'm', which is none of its columns n, region"),
        ({"partition_by": "N"}, "partition_by= names 'N', which is none of its columns n, region"),
        ({"split_ttl": 60}, "has no splits; split_ttl= is for a class with plan() and scan()"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], expected: str) -> None:
    assert (
        refused(declare, **options) == f"table function 'numbers': {expected}"
        or refused(declare, **options) == f"table function 'numbers' {expected}"
    )


@pytest.mark.parametrize("ttl", [0, -1, 1.5, "60", True, datetime.timedelta(seconds=60)])
def test_lifetimes_of_splits_that_are_refused(ttl: Any) -> None:
    expected = f"table function 'parts': split_ttl= is a number of seconds from 1 up, not {ttl!r}"
    assert refused(declare_splits, split_ttl=ttl) == expected


def test_a_class_needs_the_whole_of_splits() -> None:
    for method in ("plan", "scan"):
        incomplete = type("incomplete", (), {method: lambda self, split=None: []})
        with pytest.raises(DeclarationError, match="'incomplete'"):
            dw.Catalog("demo").table_function(columns=COLUMNS)(incomplete)


@pytest.mark.parametrize(
    ("cache", "expected"),
    [
        (60, "cache= takes a dw.Cache, such as dw.Cache(ttl=60), not 60"),
        (dw.Cache(ttl=-1), "the ttl of a cache is a number of seconds or a timedelta, not -1"),
        (
            dw.Cache(ttl=datetime.timedelta(seconds=-1)),
            "the ttl of a cache is a number of seconds or a timedelta, not datetime.timedelta(days=-1, seconds=86399)",
        ),
        (dw.Cache(ttl="60"), "the ttl of a cache is a number of seconds or a timedelta, not '60'"),  # type: ignore[arg-type]
        (dw.Cache(ttl=True), "the ttl of a cache is a number of seconds or a timedelta, not True"),
        (dw.Cache(ttl=0), "a cache with a ttl below one second needs a validator= to be of any use"),
        (dw.Cache(ttl=0.5), "a cache with a ttl below one second needs a validator= to be of any use"),
        (
            dw.Cache(ttl=0, validator="v1"),  # type: ignore[arg-type]
            "validator= is called to learn the version of the result; it must be a function",
        ),
        (
            dw.Cache(ttl=60, scope="session"),  # type: ignore[arg-type]
            "the scope of a cache is 'catalog' or 'transaction', not 'session'",
        ),
        (dw.Cache(ttl=60, per_partition=True), "per_partition= needs partition_by=, with single partitions"),
    ],
)
def test_caches_that_are_refused(cache: Any, expected: str) -> None:
    assert refused(declare, cache=cache) == f"table function 'numbers': {expected}"


def test_caches_that_contradict_other_options() -> None:
    assert "table function 'numbers' is volatile, so its results must not be used again" in refused(
        declare, cache=dw.Cache(ttl=60), stability="volatile"
    )
    per_partition = dw.Cache(ttl=60, per_partition=True)
    expected = "per_partition= needs partition_by=, with single partitions"
    assert expected in refused(declare, cache=per_partition, partition_by="n", partitions="disjoint")
    unknown = dw.Cache(ttl=60, validator=lambda nosuch: "a")
    assert "validator= wants 'nosuch', but the function's parameters are count" in refused(declare, cache=unknown)


def test_a_validator_gets_the_parameters_that_it_names() -> None:
    assert declare(cache=dw.Cache(ttl=0, validator=lambda count: str(count))).cache is not None
    assert declare(cache=dw.Cache(ttl=0, validator=lambda: "a")).cache is not None


def test_results_that_are_not_kept() -> None:
    cache = declare(cache=dw.Cache(ttl=None)).cache
    assert cache is not None
    assert cache.tags(None, "f") == cache.row_tags() == {b"vgi.cache.no_store": b"1"}


def test_columns_that_are_not_asked_for() -> None:
    assert record(declare()).projection_pushdown
    assert not record(declare(projection=False)).projection_pushdown
    assert "projection= is True or False, not 'none'" in refused(declare, projection="none")


def test_conditions_that_are_not_handed_over() -> None:
    for filters in ("apply", "mine"):
        taken = record(declare(filters=filters))
        assert (taken.filter_pushdown, taken.filters_exactly_applied) == (True, True)
        assert taken.filter_semantic_profiles
    left = record(declare(filters="none"))
    assert (left.filter_pushdown, left.filters_exactly_applied, left.filter_semantic_profiles) == (False, False, ())


def test_times_to_live() -> None:
    assert dw.Cache(ttl=59.9).seconds == 59
    assert dw.Cache(ttl=datetime.timedelta(minutes=2)).seconds == 120
    assert dw.Cache(ttl=10**12).seconds == 315_360_000


def record(function: Any) -> Any:
    info, *_ = table_infos("main", [function])
    return info


def test_what_the_client_gets_to_know() -> None:
    plain = record(declare())
    assert (plain.projection_pushdown, plain.filter_pushdown, plain.filters_exactly_applied) == (True, True, True)
    assert plain.filter_semantic_profiles == ("vgi.duckdb.standard.v1",)
    assert (plain.sampling_pushdown, plain.supports_splits, plain.supports_batch_index) == (False, False, False)
    assert plain.partition_kind is PartitionKind.NOT_PARTITIONED
    assert plain.order_preservation is OrderPreservation.PRESERVES_ORDER
    assert record(declare(samples=True)).sampling_pushdown is True
    assert record(declare(order="fixed")).order_preservation is OrderPreservation.FIXED_ORDER
    assert record(declare(order="none")).order_preservation is OrderPreservation.NO_ORDER_GUARANTEE
    splits = record(declare_splits(split_ttl=60))
    assert (splits.supports_splits, splits.supports_batch_index, splits.split_token_ttl_seconds) == (True, False, 60)
    assert splits.order_preservation is OrderPreservation.NO_ORDER_GUARANTEE
    ordered = record(declare_splits(order="preserved"))
    assert (ordered.supports_batch_index, ordered.order_preservation) == (True, OrderPreservation.PRESERVES_ORDER)


@pytest.mark.parametrize(
    ("partitions", "kind"),
    [
        ("single", PartitionKind.SINGLE_VALUE_PARTITIONS),
        ("disjoint", PartitionKind.DISJOINT_PARTITIONS),
        ("overlapping", PartitionKind.OVERLAPPING_PARTITIONS),
    ],
)
def test_kinds_of_partitions(partitions: str, kind: PartitionKind) -> None:
    function = declare(partition_by="region", partitions=partitions)
    assert record(function).partition_kind is kind
    marked = function.pushdown.marked(pa.schema(list(COLUMNS.items())), "here")
    assert marked.field("region").metadata == {metadata.PARTITION_COLUMN: b"true"}
    assert marked.field("n").metadata is None


# Partitions of a batch


def partitioning(kind: Any, type: pa.DataType) -> Partitioning:
    return Partitioning(pa.schema([("x", type)]), kind, "here")


def batch(values: pa.Array) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([values], names=["x"])


@pytest.mark.parametrize(
    ("values", "sizes"),
    [
        (pa.array([1, 1, 2, None, None, 2]), [2, 1, 2, 1]),
        (pa.array(["a", "a"]), [2]),
        (pa.array([], BIGINT), [0]),
        (pa.array([float("nan"), float("nan"), 0.0, -0.0, 1.0]), [2, 2, 1]),
        (pa.array([[1], [1], [None], [None], None], LIST(BIGINT)), [2, 2, 1]),
        (pa.array(["a", "b", "b", None]).dictionary_encode(), [1, 2, 1]),
    ],
)
def test_a_batch_is_cut_where_another_partition_begins(values: pa.Array, sizes: list[int]) -> None:
    pieces = list(partitioning("single", values.type).split(batch(values)))
    assert [piece.num_rows for piece in pieces] == sizes
    assert pa.concat_arrays([piece.column(0) for piece in pieces]).equals(values) or values.type == pa.float64()
    [whole] = partitioning("overlapping", values.type).split(batch(values))
    assert whole.num_rows == len(values)


@pytest.mark.parametrize(
    ("values", "type", "expected"),
    [
        ([3, None, 1], BIGINT, [1, 3]),
        ([None, None], BIGINT, [None, None]),
        ([2**31 - 1, 1 - 2**31], DATE, [1 - 2**31, 2**31 - 1]),
        ([1, 2], pa.time64("ns"), [1, 2]),
        ([2**63 - 1, 5], pa.timestamp("us", "UTC"), [5, 2**63 - 1]),
    ],
)
def test_bounds_are_exact(values: list[Any], type: pa.DataType, expected: list[Any]) -> None:
    """Also where Python has no such value."""
    import base64

    from duckwing.rpc.codec import decode_batch

    storage = pa.int32() if type == DATE else pa.int64()
    column = pa.array(values, storage).cast(type)
    travels = partitioning("disjoint", type).metadata(batch(column))[metadata.PARTITION_VALUES]
    bounds = decode_batch(base64.b64decode(travels))
    assert bounds.schema.field("x").type == type
    assert bounds["x"].cast(storage).to_pylist() == expected


def test_a_batch_without_rows_has_no_bounds() -> None:
    assert partitioning("single", BIGINT).metadata(batch(pa.array([], BIGINT))) == {}


# Plans


def test_a_plan_is_made_when_it_is_asked() -> None:
    def plan() -> Iterator[Any]:
        yield "a"
        yield dw.Split("b", rows=5)
        raise AssertionError("nobody asked for more")

    splits = planned(plan(), "here", 1)
    found = next(splits)
    assert (found.ordinal, found.split) == (1, dw.Split("b", rows=5))


def test_plans_that_are_none() -> None:
    for plan in (None, "text", b"bytes", 5):
        with pytest.raises(OutputError, match=r"here: plan\(\) must return its splits, such as a list of paths"):
            list(planned(plan, "here"))
    with pytest.raises(OutputError, match=r"here: split 1 of plan\(\) cannot travel to another process"):
        list(planned([1, object()], "here"))
