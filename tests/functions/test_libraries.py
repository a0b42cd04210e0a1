"""Arrays of NumPy, pandas and polars: which annotations mean them, and what comes and goes in them."""

from __future__ import annotations

import datetime
import subprocess
import sys
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from duckwing.errors import ArgumentError, DeclarationError, OutputError
from duckwing.functions.batches import to_batches
from duckwing.functions.context import Context, Invocation
from duckwing.functions.declare import scalar, table_function
from duckwing.functions.libraries import argument_converter, library_of, result_array
from duckwing.functions.scalar import ScalarFunction
from duckwing.functions.signature import Const
from duckwing.types import (
    ANY,
    ARRAY,
    BIGINT,
    BIT,
    BLOB,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    FLOAT,
    GEOMETRY,
    HUGEINT,
    INTERVAL,
    JSON,
    LIST,
    MAP,
    SMALLINT,
    STRUCT,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    TIMESTAMPTZ,
    UBIGINT,
    UINTEGER,
    UNION,
    USMALLINT,
    UTINYINT,
    UUID,
    VARCHAR,
)
from duckwing.types.values import from_values, to_values

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
else:
    pd = pytest.importorskip("pandas")
    pl = pytest.importorskip("polars")

NAN = float("nan")
DAY = datetime.date(2024, 2, 29)
NOON = datetime.datetime(2024, 2, 29, 12, 0, 0, 1)
TODAY = datetime.datetime(2024, 2, 29, 12)

NUMPY: list[tuple[pa.DataType, list[Any], str]] = [
    (BOOLEAN, [True, False], "bool"),
    (SMALLINT, [1, -2], "int16"),
    (BIGINT, [2**62 + 1, -1], "int64"),
    (UTINYINT, [255, 0], "uint8"),
    (UBIGINT, [2**64 - 1, 0], "uint64"),
    (FLOAT, [1.5, -0.5], "float32"),
    (DOUBLE, [0.1, 1e300], "float64"),
    (VARCHAR, ["a", "日本"], "object"),
    (JSON, ["{}", "[1]"], "object"),
    (BLOB, [b"a", b"\0"], "object"),
    (DATE, [DAY, datetime.date(1, 1, 1)], "datetime64[D]"),
    (TIMESTAMP_S, [TODAY, TODAY], "datetime64[s]"),
    (TIMESTAMP_MS, [TODAY, TODAY], "datetime64[ms]"),
    (TIMESTAMP, [NOON, datetime.datetime(1, 1, 1)], "datetime64[us]"),
    (TIMESTAMP_NS, [NOON, TODAY], "datetime64[ns]"),
    (INTERVAL, [datetime.timedelta(days=3, microseconds=5), datetime.timedelta(-1)], "timedelta64[us]"),
]
"""Types with a NumPy form."""

OTHERS: list[tuple[pa.DataType, list[Any]]] = [
    (DECIMAL(38, 2), [Decimal("1.50"), Decimal("-2")]),
    (TIME, [datetime.time(1, 2, 3, 4), datetime.time(0)]),
    (TIME_NS, [datetime.time(1, 2, 3, 4), datetime.time(0)]),
    (TIMESTAMPTZ, [NOON.replace(tzinfo=datetime.UTC), TODAY.replace(tzinfo=datetime.UTC)]),
    (UUID, [uuid.UUID(int=1), uuid.UUID(int=2**127)]),
    (HUGEINT, [2**100, -(2**100)]),
    (BIT, ["0101", "1"]),
    (GEOMETRY, [b"a", b"b"]),
    (LIST(VARCHAR), [["a", None], []]),
    (ARRAY(DOUBLE, 2), [[1.0, None], [2.0, 3.0]]),
    (STRUCT({"a": BIGINT, "b": VARCHAR}), [{"a": 1, "b": None}, {"a": None, "b": "x"}]),
    (MAP(VARCHAR, BIGINT), [[("a", 1)], []]),
]
"""Types without one."""

TYPES = [(type, values) for type, values, _ in NUMPY] + OTHERS
names = str


def converter(annotation: Any, type: pa.DataType, *, nulls: bool = False) -> Callable[[pa.Array], Any]:
    def f(x: Any) -> Any:
        return x

    f.__annotations__ = {"x": Annotated[annotation, type]}
    [parameter] = scalar(returns=BIGINT)(f).signature.parameters
    assert parameter.form == "batch"
    convert = argument_converter(parameter, nulls=nulls)
    assert convert is not None
    return convert


def call(function: ScalarFunction[..., Any], *columns: pa.Array) -> pa.Array:
    batch = pa.record_batch(list(columns), names=[f"c{n}" for n in range(len(columns))])
    return function.bind(function.signature.parameters, batch.schema, Context(Invocation("f", "c")))(batch)


# Annotations


@pytest.mark.parametrize(
    ("annotation", "type"),
    [
        (np.ndarray, ANY),
        (npt.NDArray, ANY),
        (npt.NDArray[Any], ANY),
        (np.ma.MaskedArray, ANY),
        (pd.Series, ANY),
        (pl.Series, ANY),
        (npt.NDArray[np.bool_], BOOLEAN),
        (npt.NDArray[np.int64], BIGINT),
        (npt.NDArray[np.uint16], USMALLINT),
        (npt.NDArray[np.uint32], UINTEGER),
        (npt.NDArray[np.float32], FLOAT),
        (npt.NDArray[np.datetime64], TIMESTAMP),
        (npt.NDArray[np.dtype("datetime64[s]")], TIMESTAMP_S),  # type: ignore[misc]
        (npt.NDArray[np.dtype("datetime64[D]")], DATE),  # type: ignore[misc]
        (npt.NDArray[np.timedelta64], INTERVAL),
        (Annotated[pd.Series, DOUBLE], DOUBLE),
        (Annotated[npt.NDArray[np.object_], VARCHAR], VARCHAR),
        (Annotated[npt.NDArray[np.datetime64], DATE], DATE),
        (Annotated[pl.Series, LIST(DOUBLE)], LIST(DOUBLE)),
    ],
)
def test_types_of_annotations(annotation: Any, type: pa.DataType) -> None:
    def f(x: Any) -> Any:
        return x

    f.__annotations__ = {"x": annotation}
    function = scalar(returns=BIGINT)(f)
    [parameter] = function.signature.parameters
    assert parameter.type.equals(type)
    assert parameter.form == function.form == "batch"


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (npt.NDArray[np.object_], "does not say which SQL type it is"),
        (npt.NDArray[np.str_], "does not say which SQL type it is"),
        (npt.NDArray[np.complex128], "does not say which SQL type it is"),
        (npt.NDArray[np.floating], "does not say which SQL type it is"),
        (npt.NDArray[np.float16], "DuckDB has no 16-bit float"),
        (
            Annotated[np.ndarray, DECIMAL(10, 2)],
            "DECIMAL(10,2) has no NumPy form; annotate the parameter with an Arrow",
        ),
        (Annotated[np.ndarray, LIST(DOUBLE)], "DOUBLE[] has no NumPy form"),
        (Annotated[np.ndarray, TIMESTAMPTZ], "TIMESTAMP WITH TIME ZONE has no NumPy form"),
        (Annotated[np.ma.MaskedArray, UUID], "UUID has no NumPy form"),
        (Annotated[pl.Series, INTERVAL], "INTERVAL has no polars form; annotate the parameter with an Arrow array"),
        (Annotated[pl.Series, UNION({"a": BIGINT})], "has no polars form"),
        (pd.DataFrame, "DataFrame is not supported as an annotation"),
        (np.int64, "int64 is not supported as an annotation"),
    ],
)
def test_annotations_that_cannot_be(annotation: Any, expected: str) -> None:
    def f(x: Any) -> Any:
        return x

    f.__annotations__ = {"x": annotation}
    with pytest.raises(DeclarationError) as caught:
        scalar(returns=BIGINT)(f)
    assert expected in str(caught.value)


def test_forms_of_functions() -> None:
    @scalar
    def mixed(a: npt.NDArray[np.int64], b: pd.Series, c: pa.StringArray, *d: pl.Series) -> npt.NDArray[np.int64]:
        return a

    assert mixed.form == "batch"
    assert BIGINT.equals(mixed.returns)
    assert [p.library for p in mixed.signature.parameters] == ["numpy", "pandas", None, "polars"]

    def with_row(a: npt.NDArray[np.int64], b: int) -> npt.NDArray[np.int64]:
        return a

    def with_row_result(a: pl.Series) -> int:
        return 1

    def without_type(a: pl.Series) -> pl.Series:
        return a

    def rows(a: pl.Series) -> list[tuple[int]]:
        return []

    with pytest.raises(DeclarationError, match="mixes batches and rows: parameter 'a' is an array, parameter 'b'"):
        scalar(with_row)
    with pytest.raises(DeclarationError, match="mixes batches and rows: parameter 'a' is an array, the result"):
        scalar(with_row_result)
    with pytest.raises(DeclarationError, match="needs a result of one type; add returns="):
        scalar(without_type)
    with pytest.raises(DeclarationError, match="parameter 'a' is an array"):
        table_function(columns={"n": BIGINT})(rows)


def test_a_class_that_is_only_named_like_one_is_none() -> None:
    class Series:
        pass

    assert library_of(Series) is None
    assert library_of(pd.DataFrame) is None
    assert library_of(list[int]) is None
    assert library_of(None) is None


def test_declaring_functions_imports_no_library() -> None:
    code = (
        "import sys, duckwing as dw\n"
        "demo = dw.Catalog('demo')\n"
        "@demo.scalar\n"
        "def f(x: int) -> int: return x\n"
        "dw.Worker(demo)\n"
        "print([name for name in ('pandas', 'polars', 'annotated_types') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


# Arguments


@pytest.mark.parametrize(("type", "values", "dtype"), NUMPY, ids=names)
def test_numpy_arguments(type: pa.DataType, values: list[Any], dtype: str) -> None:
    array = from_values([values[0], *values], type, "x").slice(1)
    plain = converter(np.ndarray, type)(array)
    assert np.ma.MaskedArray not in plain.__class__.__mro__
    assert plain.dtype == dtype
    assert plain.shape == (2,)
    assert to_values(result_array(plain, type, "x")) == to_values(array)


@pytest.mark.parametrize("annotation", [np.ndarray, np.ma.MaskedArray], ids=["ndarray", "masked"])
@pytest.mark.parametrize(("type", "values", "dtype"), NUMPY, ids=names)
def test_numpy_arguments_with_nulls(type: pa.DataType, values: list[Any], dtype: str, annotation: Any) -> None:
    convert = converter(annotation, type, nulls=True)
    for skipped, given in ((1, values), (0, [None, *values, None]), (1, [None, None]), (1, []), (0, [])):
        array = from_values([None] * skipped + given, type, "x").slice(skipped)
        masked = convert(array)
        assert isinstance(masked, np.ma.MaskedArray)
        assert masked.dtype == dtype
        assert np.ma.getmaskarray(masked).tolist() == [value is None for value in given]
        assert to_values(result_array(masked, type, "x")) == to_values(array)


def test_a_masked_annotation_always_means_masked_arrays() -> None:
    assert isinstance(converter(np.ma.MaskedArray, BIGINT)(pa.array([1])), np.ma.MaskedArray)


def test_numbers_are_not_copied_for_numpy() -> None:
    array = pa.array([1.5, 2.5])
    plain = converter(np.ndarray, DOUBLE)(array)
    assert plain.__array_interface__["data"] == (array.buffers()[1].address, True)  # and read-only


def test_months_have_no_timedelta() -> None:
    array = from_values([pa.MonthDayNano([1, 0, 0])], INTERVAL, "x")
    with pytest.raises(ArgumentError, match="argument 'x' of type INTERVAL cannot be used: an INTERVAL of months"):
        converter(np.ndarray, INTERVAL)(array)


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize(("type", "values"), TYPES, ids=names)
def test_pandas_arguments(type: pa.DataType, values: list[Any], nulls: bool) -> None:
    array = from_values([None, *values, *[None] * nulls], type, "x").slice(1)
    series = converter(pd.Series, type, nulls=nulls)(array)
    assert isinstance(series, pd.Series)
    native = type in (BOOLEAN, SMALLINT, BIGINT, UTINYINT, UBIGINT, FLOAT, DOUBLE) or (
        pa.types.is_timestamp(type) and type.tz is None
    )
    assert isinstance(series.dtype, pd.ArrowDtype) is (nulls or not native)
    assert list(series.isna()) == [False] * len(values) + [True] * nulls
    assert to_values(result_array(series, type, "x")) == to_values(array)


@pytest.mark.parametrize("nulls", [False, True])
@pytest.mark.parametrize(("type", "values"), TYPES, ids=names)
def test_polars_arguments(type: pa.DataType, values: list[Any], nulls: bool) -> None:
    if type.equals(INTERVAL):
        return  # test_annotations_that_cannot_be
    array = from_values([None, *values, *[None] * nulls], type, "x").slice(1)
    series = converter(pl.Series, type, nulls=nulls)(array)
    assert isinstance(series, pl.Series)
    assert series.is_null().to_list() == [False] * len(values) + [True] * nulls
    assert to_values(result_array(series, type, "x")) == to_values(array)


def test_a_type_that_only_the_call_tells() -> None:
    @scalar
    def doubled(x: np.ndarray) -> npt.NDArray[np.float64]:
        return x * 2.0

    assert call(doubled, pa.array([1, 2], pa.int16())).to_pylist() == [2.0, 4.0]
    with pytest.raises(ArgumentError, match=r"function 'doubled': argument 'x': BIGINT\[\] has no NumPy form"):
        call(doubled, pa.array([[1]]))
    with pytest.raises(ArgumentError, match="has no NumPy form"):
        argument_converter(doubled.signature.parameters[0])(pa.array([[1]]))  # type: ignore[misc]


# What functions see


def test_rows_with_null_do_not_reach_the_function() -> None:
    seen: list[Any] = []

    @scalar
    def add(a: npt.NDArray[np.int64], b: pd.Series, c: Annotated[pl.Series, BIGINT]) -> npt.NDArray[np.int64]:
        seen.append((type(a), str(b.dtype), c.null_count(), a.tolist()))
        return np.asarray(a + b.to_numpy() + c.to_numpy())

    columns = [pa.array(v, pa.int64()) for v in ([1, None, 3, 4], [1, 2, None, 4], [1, 2, 3, 4])]
    assert call(add, *columns).to_pylist() == [3, None, None, 12]
    assert seen == [(np.ndarray, "int64", 0, [1, 4])]


def test_null_is_handed_over_to_those_who_take_it() -> None:
    @scalar
    def first(a: npt.NDArray[np.int64] | None, b: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        assert isinstance(a, np.ma.MaskedArray)
        assert not isinstance(b, np.ma.MaskedArray)
        return np.where(np.ma.getmaskarray(a), -b, a)

    @scalar(nulls="pass")
    def same(a: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        assert isinstance(a, np.ma.MaskedArray)
        return a + 1

    @scalar(nulls="pass", returns=BIGINT)
    def counted(a: Annotated[pd.Series, BIGINT], b: Annotated[pl.Series, BIGINT]) -> pl.Series:
        return pl.Series([int(a.isna().sum()), b.null_count(), None])

    columns = [pa.array([1, None, 3]), pa.array([4, 5, None])]
    assert call(first, *columns).to_pylist() == [1, -5, None]
    assert call(same, columns[0]).to_pylist() == [2, None, 4]
    assert call(counted, *columns).to_pylist() == [1, 1, None]


def test_constants_beside_arrays() -> None:
    @scalar
    def scaled(value: npt.NDArray[np.float64], factor: Const[float]) -> npt.NDArray[np.float64]:
        assert isinstance(factor, float)
        return value * factor

    assert call(scaled, pa.array([1.0, 2.0, 3.0]), pa.array([2.0, 3.0, 2.0])).to_pylist() == [2.0, 6.0, 6.0]


# Results

RESULTS: list[tuple[str, Any, pa.DataType, list[Any]]] = [
    ("numpy", np.array([1, 2], np.int16), BIGINT, [1, 2]),
    ("numpy big", np.array([1, 2], ">i8")[::-1].astype("<i8"), BIGINT, [2, 1]),
    ("numpy strided", np.arange(4)[::2], BIGINT, [0, 2]),
    ("numpy NaN", np.array([1.5, NAN]), DOUBLE, [1.5, "nan"]),
    ("numpy NaT", np.array(["2024-02-29", "NaT"], "M8[D]"), DATE, [DAY, None]),
    ("numpy text", np.array(["a", "bc"]), VARCHAR, ["a", "bc"]),
    ("numpy text as JSON", np.array(["1"]), JSON, ["1"]),
    ("numpy new text", np.array(["a", "bc"], np.dtypes.StringDType()), VARCHAR, ["a", "bc"]),
    ("numpy objects", np.array(["a", None], object), VARCHAR, ["a", None]),
    ("numpy object lists", np.array([[1], None, [2, 3]], object), LIST(BIGINT), [[1], None, [2, 3]]),
    ("numpy decimals", np.array([Decimal("1.5"), None], object), DECIMAL(4, 2), [Decimal("1.50"), None]),
    ("numpy timedelta", np.array([1, "NaT"], "m8[s]"), INTERVAL, [pa.MonthDayNano([0, 0, 10**9]), None]),
    ("masked", np.ma.MaskedArray([1, 2], [False, True]), BIGINT, [1, None]),
    ("masked NaN", np.ma.MaskedArray([NAN, 1.0], [False, True]), DOUBLE, ["nan", None]),
    ("masked text", np.ma.MaskedArray(np.array(["a", "b"], object), [True, False]), VARCHAR, [None, "b"]),
    ("masked, nothing", np.ma.MaskedArray([1, 2]), BIGINT, [1, 2]),
    ("pandas NaN", pd.Series([1.5, NAN]), DOUBLE, [1.5, None]),
    ("pandas integers with NaN", pd.Series([1.0, NAN]), BIGINT, [1, None]),
    ("pandas NaT", pd.Series([pd.Timestamp(NOON), None]), TIMESTAMP, [NOON, None]),
    (
        "pandas zone",
        pd.Series([pd.Timestamp(NOON, tz="Europe/Paris")]),
        TIMESTAMPTZ,
        ["2024-02-29 11:00:00.000001+00:00"],
    ),
    ("pandas text", pd.Series(["a", None]), VARCHAR, ["a", None]),
    ("pandas objects", pd.Series(["a", None, NAN, pd.NA], dtype=object), VARCHAR, ["a", None, None, None]),
    ("pandas object integers", pd.Series([2**80, None], dtype=object), HUGEINT, [2**80, None]),
    ("pandas object lists", pd.Series([[1, None], None], dtype=object), LIST(BIGINT), [[1, None], None]),
    ("pandas nullable", pd.Series([1, None], dtype="Int64"), BIGINT, [1, None]),
    ("pandas nullable float", pd.Series([1.5, None], dtype="Float64"), DOUBLE, [1.5, None]),
    ("pandas boolean", pd.Series([True, None], dtype="boolean"), BOOLEAN, [True, None]),
    ("pandas category", pd.Series(["b", None, "b"], dtype="category"), VARCHAR, ["b", None, "b"]),
    (
        "pandas Arrow NaN",
        pd.Series(pd.arrays.ArrowExtensionArray(pa.chunked_array([[1.5, NAN], [None]]))),
        DOUBLE,
        [1.5, "nan", None],
    ),
    ("pandas by position", pd.Series([1, 2], index=[1, 0]), BIGINT, [1, 2]),
    ("pandas index", pd.Index(["a", "b"]), VARCHAR, ["a", "b"]),
    ("pandas timedelta", pd.Series([pd.Timedelta(days=1), None]), INTERVAL, [pa.MonthDayNano([0, 1, 0]), None]),
    ("polars", pl.Series([1, None]), BIGINT, [1, None]),
    ("polars NaN", pl.Series([1.5, NAN, None]), DOUBLE, [1.5, "nan", None]),
    ("polars narrower", pl.Series([1], dtype=pl.Int8), BIGINT, [1]),
    ("polars text", pl.Series(["a", None]), VARCHAR, ["a", None]),
    ("polars category", pl.Series(["b", None, "b"], dtype=pl.Categorical), VARCHAR, ["b", None, "b"]),
    ("polars enum", pl.Series(["b", "a"], dtype=pl.Enum(["a", "b"])), VARCHAR, ["b", "a"]),
    ("polars lists", pl.Series([["a"], None]), LIST(VARCHAR), [["a"], None]),
    ("polars decimals", pl.Series([Decimal("1.5")]), DECIMAL(10, 2), [Decimal("1.50")]),
    ("polars dates", pl.Series([DAY]), DATE, [DAY]),
    ("polars durations", pl.Series([datetime.timedelta(1)]), INTERVAL, [pa.MonthDayNano([0, 1, 0])]),
    ("polars nothing", pl.Series([None, None]), VARCHAR, [None, None]),
    ("polars chunks", pl.concat([pl.Series([1]), pl.Series([2])], rechunk=False), BIGINT, [1, 2]),
    ("Arrow chunks", pa.chunked_array([[1], [2]]), BIGINT, [1, 2]),
]


def plain(values: list[Any]) -> list[Any]:
    """Values that can be compared: NaN and instants as text."""
    return [str(v) if v != v or getattr(v, "tzinfo", None) else v for v in values]


@pytest.mark.parametrize(("result", "type", "expected"), [r[1:] for r in RESULTS], ids=[r[0] for r in RESULTS])
def test_results(result: Any, type: pa.DataType, expected: list[Any]) -> None:
    array = result_array(result, type, "result")
    array.validate(full=True)
    assert array.type.equals(type)
    assert plain(to_values(array)) == expected


@pytest.mark.parametrize(("result", "type", "expected"), [r[1:] for r in RESULTS], ids=[r[0] for r in RESULTS])
def test_columns_of_table_functions_are_read_the_same_way(result: Any, type: pa.DataType, expected: list[Any]) -> None:
    batches = list(to_batches({"x": result}, pa.schema([("x", type)]), "table function 'f'"))
    assert plain([value for batch in batches for value in to_values(batch.column(0))]) == expected


@pytest.mark.parametrize(
    ("result", "type", "expected"),
    [
        ([1], BIGINT, "must be an array of Arrow, NumPy, pandas or polars, got list"),
        (None, BIGINT, "must be an array of Arrow, NumPy, pandas or polars, got NoneType"),
        (np.int64(1), BIGINT, "must be an array of one dimension, got one of shape ()"),
        (np.zeros((2, 3)), DOUBLE, "must be an array of one dimension, got one of shape (2, 3)"),
        (np.array([1j]), DOUBLE, "must be DOUBLE"),
        (np.array(["x"]), BIGINT, "must be BIGINT, got VARCHAR"),
        (np.array([1.5]), BIGINT, "must be BIGINT, got DOUBLE"),
        (np.array([NAN]), BIGINT, "must be BIGINT, got DOUBLE"),
        (np.array([300]), pa.int8(), "must be TINYINT, got BIGINT"),
        (np.array(["a", 1], object), VARCHAR, "must be VARCHAR, got 1"),
        (np.array([NAN], object), VARCHAR, "must be VARCHAR, got nan"),
        (np.array([1, 2], "M8[ns]"), TIMESTAMP, "must be TIMESTAMP, got TIMESTAMP_NS"),
        (pd.Series(["x"]), BIGINT, "must be BIGINT, got VARCHAR"),
        (pd.Series([1, "x"], dtype=object), BIGINT, "must be BIGINT, got 'x'"),
        (pd.Series(pd.period_range("2024", periods=1, freq="M")), DATE, "must be DATE"),
        (pl.Series(["x"]), BIGINT, "must be BIGINT, got VARCHAR"),
        (pl.Series([object()]), BIGINT, "must be BIGINT"),
        (pd.DataFrame({"a": [1]}), BIGINT, "must be an array of one dimension, got one of shape (1, 1)"),
    ],
)
def test_wrong_results(result: Any, type: pa.DataType, expected: str) -> None:
    with pytest.raises(OutputError) as caught:
        result_array(result, type, "result of function 'f'")
    assert str(caught.value).startswith("result of function 'f' ")
    assert expected in str(caught.value)


def test_a_result_of_another_length() -> None:
    @scalar
    def f(x: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return x[:1]

    with pytest.raises(OutputError, match="must have one value for each of the 2 rows, got 1"):
        call(f, pa.array([1, 2]))


# Data frames

SCHEMA = pa.schema([("n", BIGINT), ("s", VARCHAR), ("d", DOUBLE)])
DATA: dict[str, Any] = {"n": [1, None], "s": ["a", None], "d": [0.5, None]}


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(DATA),
        pd.DataFrame(DATA).astype({"n": "Int64"})[["d", "s", "n"]],
        pd.DataFrame(DATA, dtype=object),
        pd.DataFrame({**DATA, "d": [0.5, NAN]}),
        pd.DataFrame({k: [None, *v] for k, v in DATA.items()})[lambda frame: frame.index > 0],
        pd.DataFrame(DATA, index=pd.Index(["x", "y"], name="key")),
        pl.DataFrame(DATA),
        pl.DataFrame(DATA).select("s", "d", "n"),
        {"n": pd.Series(DATA["n"]), "s": pl.Series(DATA["s"]), "d": np.ma.MaskedArray([0.5, 0], [False, True])},
    ],
)
@pytest.mark.parametrize("wrap", [lambda frame: frame, lambda frame: [frame]], ids=["returned", "yielded"])
def test_data_frames_are_batches(frame: Any, wrap: Any) -> None:
    [batch] = to_batches(wrap(frame), SCHEMA, "f")
    assert batch.schema.equals(SCHEMA)
    assert batch.to_pydict() == DATA


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (pd.DataFrame({"n": [1]}), "without the columns 's', 'd'"),
        (pd.DataFrame([[1, 2, 3, 4]], columns=["n", "s", "d", "n"]), "yields a data frame with repeated columns"),
        (pd.DataFrame(DATA).rename(columns={"d": 7}), "without the column 'd' and with the undeclared column '7'"),
        (pl.DataFrame({**DATA, "more": [1, 2]}), "with the undeclared column 'more'"),
        (pl.DataFrame({**DATA, "n": ["x", "y"]}), "column 'n' of f must be BIGINT, got VARCHAR"),
        (pd.DataFrame({**DATA, "n": [0.5, 1]}), "column 'n' of f must be BIGINT, got DOUBLE"),
        (pl.Series([1]), "is no table"),
    ],
)
def test_data_frames_that_do_not_fit(frame: Any, expected: str) -> None:
    with pytest.raises(OutputError) as caught:
        list(to_batches([frame], SCHEMA, "f"))
    assert expected in str(caught.value)
