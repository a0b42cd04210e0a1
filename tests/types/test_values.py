"""Arrow arrays to Python values and back: what survives, and what is an error."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duckwing.errors import OutputError
from duckwing.types import (
    ARRAY,
    BIGINT,
    BIGNUM,
    BIT,
    BLOB,
    BOOLEAN,
    DATE,
    DECIMAL,
    DOUBLE,
    FLOAT,
    HUGEINT,
    INTEGER,
    INTERVAL,
    JSON,
    LIST,
    MAP,
    STRUCT,
    TIME,
    TIME_NS,
    TIMESTAMP,
    TIMESTAMP_MS,
    TIMESTAMP_NS,
    TIMESTAMP_S,
    TIMESTAMPTZ,
    TIMETZ,
    TINYINT,
    UHUGEINT,
    UNION,
    UTINYINT,
    UUID,
    VARCHAR,
)
from duckwing.types.values import array_of_one, from_values, to_values

from .strategies import SCALARS, columns


@pytest.mark.parametrize(("type", "values"), SCALARS, ids=[str(type) for type, _ in SCALARS])
def test_scalars_come_back(type: pa.DataType, values: st.SearchStrategy[Any]) -> None:
    @given(st.lists(st.none() | values, max_size=8))
    def check(column: list[Any]) -> None:
        check_round_trip(type, column)

    check()


@given(columns())
def test_everything_comes_back(column: tuple[pa.DataType, list[Any]]) -> None:
    check_round_trip(*column)


def check_round_trip(type: pa.DataType, column: Sequence[Any]) -> None:
    array = from_values(column, type, "x")
    array.validate(full=True)
    assert array.type.equals(type)
    assert to_values(array) == column
    assert to_values(array.slice(1, 3)) == column[1:4]


def test_not_a_number_and_negative_zero() -> None:
    for type in (FLOAT, DOUBLE):
        nan, zero = to_values(from_values([float("nan"), -0.0], type, "x"))
        assert nan != nan
        assert str(zero) == "-0.0"


@pytest.mark.parametrize(
    ("type", "value", "back"),
    [
        (INTERVAL, datetime.timedelta(days=-1, microseconds=3), pa.MonthDayNano((0, -1, 3000))),
        (MAP(VARCHAR, INTEGER), {"a": 1, "b": None}, [("a", 1), ("b", None)]),
        (STRUCT({"a": INTEGER, "b": VARCHAR}), (1, "x"), {"a": 1, "b": "x"}),
        (STRUCT({"a": INTEGER, "b": VARCHAR}), {"b": "x"}, {"a": None, "b": "x"}),
        (LIST(INTEGER), (1, 2), [1, 2]),
        (LIST(INTEGER), np.arange(3), [0, 1, 2]),
        (LIST(VARCHAR), {"a"}, ["a"]),
        (BIGINT, np.int8(5), 5),
        (HUGEINT, np.int64(-5), -5),
        (DOUBLE, 3, 3.0),
        (DOUBLE, np.float32(0.5), 0.5),
        (FLOAT, float("inf"), float("inf")),
        (BOOLEAN, np.bool_(True), True),
        (DECIMAL(4, 2), 3, Decimal("3.00")),
        (DECIMAL(4, 2), Decimal("1E+1"), Decimal("10.00")),
        (UUID, "12345678-9ABC-DEF0-1234-56789abcdef0", uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")),
        (DATE, datetime.datetime(2024, 1, 2), datetime.date(2024, 1, 2)),
        (
            TIMESTAMPTZ,
            datetime.datetime(2024, 1, 2, 3, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
            datetime.datetime(2024, 1, 2, 1, tzinfo=datetime.UTC),
        ),
    ],
)
def test_values_of_other_classes(type: pa.DataType, value: Any, back: Any) -> None:
    assert to_values(from_values([None, value], type, "x")) == [None, back]


@pytest.mark.parametrize(
    ("type", "value", "reason"),
    [
        (BIGINT, 1.5, "'float' object cannot be interpreted as an integer"),
        (BIGINT, 2.0, "'float' object cannot be interpreted as an integer"),
        (BIGINT, "1", "'str' object cannot be interpreted as an integer"),
        (BIGINT, True, "a bool is no integer"),
        (BIGINT, 1 << 63, ""),
        (TINYINT, 128, ""),
        (UTINYINT, -1, ""),
        (HUGEINT, 1 << 127, "too big"),
        (UHUGEINT, -1, "unsigned"),
        (BIGNUM, 1.0, "'float' object cannot be interpreted as an integer"),
        (FLOAT, 1e300, "float too large"),
        (DOUBLE, (1 << 53) + 1, ""),
        (DOUBLE, "x", ""),
        (BOOLEAN, 1, ""),
        (DECIMAL(4, 2), Decimal("1.234"), ""),
        (DECIMAL(4, 2), Decimal(100), ""),
        (DECIMAL(4, 2), 1.5, "int or Decimal"),
        (DECIMAL(4, 2), Decimal("NaN"), ""),
        (VARCHAR, 5, ""),
        (VARCHAR, "\ud800", "surrogates not allowed"),
        (BLOB, 5, ""),
        (BIT, "012", "a BIT value is a string of 0 and 1"),
        (BIT, "", "a BIT value is a string of 0 and 1"),
        (UUID, "x", "badly formed"),
        (UUID, 5, ""),
        (JSON, {"a": 1}, "JSON is a string; return json.dumps(value)"),
        (DATE, datetime.datetime(2024, 1, 2, 3), "a DATE has no time of day; return value.date()"),
        (DATE, 5, "a DATE is a datetime.date, not a number"),
        (TIME, 5, "a TIME is a datetime.time, not a number"),
        (TIME, datetime.time(1, tzinfo=datetime.UTC), "a TIME has no time zone; remove tzinfo, or declare TIMETZ"),
        (TIMETZ, datetime.time(1), "a TIME WITH TIME ZONE is a datetime.time with tzinfo"),
        (TIMETZ, datetime.datetime(2024, 1, 2), "a TIME WITH TIME ZONE is a datetime.time"),
        (TIMETZ, datetime.time(1, tzinfo=datetime.timezone(datetime.timedelta(hours=16))), "less than 16 hours"),
        (TIMESTAMP_S, datetime.datetime(2024, 1, 2, 3, 4, 5, 6), "its fraction of a second does not fit"),
        (TIMESTAMP_MS, datetime.datetime(2024, 1, 2, 3, 4, 5, 6), "its fraction of a second does not fit"),
        (TIMESTAMP, datetime.datetime.now(datetime.UTC), "a TIMESTAMP has no time zone"),
        (TIMESTAMP, datetime.date(2024, 1, 2), "a timestamp is a datetime.datetime"),
        (TIMESTAMP, 5, "a timestamp is a datetime.datetime"),
        (TIMESTAMP_NS, datetime.datetime(9999, 1, 1), ""),
        (TIMESTAMPTZ, datetime.datetime(2024, 1, 2), "give the datetime a tzinfo"),
        (INTERVAL, (1 << 31, 0, 0), ""),
        (LIST(VARCHAR), "ab", "a list is expected, not a str"),
        (LIST(VARCHAR), {"a": 1}, "a list is expected, not a dict"),
        (LIST(BIGINT), [1.5], "cannot be interpreted as an integer"),
        (LIST(BIGINT), 5, ""),
        (ARRAY(BIGINT, 2), [1], "an ARRAY of 2 has 2 items, not 1"),
        (MAP(VARCHAR, BIGINT), {None: 1}, "a key of a MAP is not NULL"),
        (MAP(VARCHAR, BIGINT), [1], ""),
        (STRUCT({"a": BIGINT}), {"a": 1, "b": 2}, "the STRUCT has no member 'b'"),
        (STRUCT({"a": BIGINT}), (1, 2), "a STRUCT is a dict, or a tuple of 1 values"),
        (STRUCT({"a": BIGINT}), [1], "a STRUCT is a dict, or a tuple of 1 values"),
        (STRUCT({"a": BIGINT}), {"a": 1.5}, "cannot be interpreted as an integer"),
        (UNION({"a": BIGINT, "b": VARCHAR}), 5, "a UNION is a pair of a tag (a, b) and a value"),
        (UNION({"a": BIGINT}), ("c", 1), "a UNION is a pair of a tag (a) and a value"),
    ],
)
def test_what_does_not_fit_is_an_error(type: pa.DataType, value: Any, reason: str) -> None:
    with pytest.raises(OutputError) as caught:
        from_values([None, value], type, "result of f")
    message = str(caught.value)
    assert message.startswith("result of f must be ")
    assert f", got {repr(value)[:60]}" in message
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("array", "shown"),
    [
        (pa.array([0, (1 << 31) - 1], pa.date32()), "the DATE value 'infinity' in row 1 has no Python form"),
        (pa.array([1 - (1 << 31)], pa.date32()), "the DATE value '-infinity' has no Python form"),
        (pa.array([0, 10**9], pa.date32()), "the DATE value in row 1 has no Python form"),
        (pa.array([(1 << 63) - 1], TIMESTAMP_S), "the TIMESTAMP_S value 'infinity' has no Python form"),
        (pa.array([(1 << 63) - 1], TIMESTAMP), "the TIMESTAMP value 'infinity' has no Python form"),
        (pa.array([1 - (1 << 63)], TIMESTAMPTZ), "the TIMESTAMP WITH TIME ZONE value '-infinity' has no Python form"),
        (pa.array([1000, 1001], TIMESTAMP_NS), "the TIMESTAMP_NS value in row 1 has no Python form"),
        (pa.array([86_400_000_000], TIME), "the TIME value has no Python form"),
        (pa.array([1001], TIME_NS), "the TIME_NS value has no Python form"),
        (pa.array([[None, 86_400_000_000]], LIST(TIME)), "the TIME[] value has no Python form"),
        (pa.array([{"t": 1001}], STRUCT({"t": TIMESTAMP_NS})), "the STRUCT(t TIMESTAMP_NS) value has no Python form"),
    ],
)
def test_what_python_cannot_hold_is_an_error(array: pa.Array, shown: str) -> None:
    with pytest.raises(ValueError) as caught:
        to_values(array)
    assert str(caught.value).startswith(shown)


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(OutputError) as caught:
        from_values(["x" * 1000], BIGINT, "result of f")
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "value",
    [True, 1, -(2**63), 1.5, "a", b"a", None, datetime.date(2024, 1, 2), [1, None], {"a": 1}, pa.scalar(1)],
)
def test_one_value_has_the_type_that_pyarrow_finds(value: object) -> None:
    assert array_of_one(value).equals(pa.array([value]))


def test_one_value_that_is_too_large() -> None:
    with pytest.raises(OverflowError):
        array_of_one(2**63)
