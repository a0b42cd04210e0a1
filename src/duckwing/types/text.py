"""Values as the text from which DuckDB casts them, and back.

``CAST('[1, 2]' AS INTEGER[])`` is the list, and so is what :func:`from_text` reads. What :func:`to_text` writes
quotes every text within a list, struct or map; :func:`from_text` reads that and what DuckDB itself writes
(``CAST([1, 2] AS VARCHAR)``), where quotes may be left out.
"""

from __future__ import annotations

import datetime
import re
import uuid
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from . import BIGNUM, BIT, HUGEINT, INTERVAL, JSON, TIMETZ, UHUGEINT, UUID
from .names import sql_name

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_BYTE = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_EXACT = Context(prec=76)
_AMOUNT = re.compile(r"([+-]?\d+) (year|month|day|microsecond)s?\b")
_CLOCK = re.compile(r"(-?)(\d+):(\d\d):(\d\d)(?:\.(\d{1,6}))?")


def has_text(type: pa.DataType) -> bool:
    """Whether a text tells a value of ``type``.

    That of a UNION does not tell its tag, GEOMETRY has none, and DuckDB takes that of a list of JSON for JSON.
    """
    if pa.types.is_union(type) or pa.types.is_dictionary(type):
        return False
    if isinstance(type, pa.BaseExtensionType):
        return type in (BIGNUM, BIT, HUGEINT, JSON, TIMETZ, UHUGEINT, UUID)
    members = [type.field(place).type for place in range(type.num_fields)]
    return all(has_text(member) and not member.equals(JSON) for member in members)


def to_text(value: Any, type: pa.DataType) -> str:
    """The text of a value.

    Args:
        value: as :func:`~duckwing.types.values.to_values` gives it; not None.
        type: of a kind that :func:`has_text`.
    """
    if not type.num_fields:
        return _leaf(value)
    return _nested(value, type)


def from_text(text: str, type: pa.DataType) -> Any:
    """The value of a text, as :func:`~duckwing.types.values.to_values` gives it.

    Raises:
        ValueError: it is not the text of such a value.
    """
    if not type.num_fields:
        return _read_leaf(text, type)
    reader = _Reader(text)
    value = reader.value(type, "")
    if reader.rest:
        raise ValueError(f"{reader.rest[:40]!r} stands after the end of a {sql_name(type)}")
    return value


def _nested(value: Any, type: pa.DataType) -> str:
    if value is None:
        return "NULL"
    if pa.types.is_map(type):
        pairs = (f"{_nested(key, type.key_type)}={_nested(item, type.item_type)}" for key, item in value)
        return f"{{{', '.join(pairs)}}}"
    if pa.types.is_struct(type):
        members = (f"{_quoted(field.name)}: {_nested(value[field.name], field.type)}" for field in type)
        return f"{{{', '.join(members)}}}"
    if type.num_fields:
        return f"[{', '.join(_nested(item, type.value_type) for item in value)}]"
    bare = isinstance(value, (bool, int, float, Decimal))
    return _leaf(value) if bare else _quoted(_leaf(value))


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _leaf(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case float():
            return repr(value)
        case Decimal():
            return f"{value:f}"
        case bytes():
            return "".join(f"\\x{byte:02X}" for byte in value)
        case datetime.datetime():
            return value.isoformat(" ")
        case datetime.date() | datetime.time():
            return value.isoformat()
        case pa.MonthDayNano(months=months, days=days, nanoseconds=nanoseconds):
            return f"{months} months {days} days {nanoseconds // 1000} microseconds"
    return str(value)


class _Reader:
    """Reads a text from its beginning to its end."""

    def __init__(self, text: str):
        self._text = text
        self._place = 0

    @property
    def rest(self) -> str:
        """What is left, without blanks around it."""
        return self._text[self._place :].strip()

    def value(self, type: pa.DataType, stops: str) -> Any:
        """The next value; if it has no quotes and no brackets, it ends before one of ``stops``."""
        if not type.num_fields:
            text, quoted = self._word(stops)
            return None if text.upper() == "NULL" and not quoted else _read_leaf(text, type)
        if self._next() not in ("[", "{"):
            text, quoted = self._word(stops)
            if text.upper() == "NULL" and not quoted:
                return None
            raise ValueError(f"a {sql_name(type)} begins with a bracket, not {text[:40]!r}")
        if pa.types.is_map(type):
            return self._items("{}", lambda: self._pair(type))
        if pa.types.is_struct(type):
            found = dict(self._items("{}", lambda: self._member(type)))
            return {field.name: found.get(field.name) for field in type}
        return self._items("[]", lambda: self.value(type.value_type, ",]"))

    def _items(self, brackets: str, item: Callable[[], Any]) -> list[Any]:
        """What stands in brackets, with commas between."""
        self._expect(brackets[0])
        if self._next() == brackets[1]:
            self._place += 1
            return []
        items = [item()]
        while self._next() == ",":
            self._place += 1
            items.append(item())
        self._expect(brackets[1])
        return items

    def _pair(self, type: pa.DataType) -> tuple[Any, Any]:
        key = self.value(type.key_type, "=")
        self._expect("=")
        return key, self.value(type.item_type, ",}")

    def _member(self, type: pa.DataType) -> tuple[str, Any]:
        name, _ = self._word(":")
        self._expect(":")
        place = type.get_field_index(name)
        if place < 0:
            raise ValueError(f"a {sql_name(type)} has no member {name[:40]!r}")
        return name, self.value(type.field(place).type, ",}")

    def _word(self, stops: str) -> tuple[str, bool]:
        """A text, and whether it had quotes."""
        quote = self._next()
        begin = self._place
        if quote in ("'", '"'):
            end = begin + 1
            while self._text[end : end + 1] not in ("", quote):
                end += 2 if self._text[end] == "\\" else 1
            if self._text[end : end + 1] != quote:
                raise ValueError(f"the quote at character {begin + 1} is never closed")
            self._place = end + 1
            return _ESCAPED.sub(r"\1", self._text[begin + 1 : end]), True
        while self._place < len(self._text) and self._text[self._place] not in stops:
            self._place += 1
        return self._text[begin : self._place].strip(), False

    def _next(self) -> str:
        """The next character that is no blank; '' at the end."""
        while self._text[self._place : self._place + 1].isspace():
            self._place += 1
        return self._text[self._place : self._place + 1]

    def _expect(self, mark: str) -> None:
        if self._next() != mark:
            found = repr(self.rest[:40]) if self.rest else "the end"
            raise ValueError(f"{mark!r} is expected at character {self._place + 1}, not {found}")
        self._place += 1


def _read_leaf(text: str, type: pa.DataType) -> Any:
    is_ = pa.types
    if is_.is_boolean(type):
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{text[:40]!r} is no BOOLEAN")
        return text.lower() == "true"
    if is_.is_integer(type) or type in (HUGEINT, UHUGEINT, BIGNUM):
        return int(text)
    if is_.is_floating(type):
        value: float = pa.array([float(text)], type)[0].as_py()  # the shortest text of a FLOAT is one of many DOUBLEs
        return value
    if is_.is_decimal(type):
        if not _is_number(text):
            raise ValueError(f"{text[:40]!r} is no {sql_name(type)}")
        return Decimal(text).quantize(Decimal(1).scaleb(-type.scale), context=_EXACT)
    if is_.is_binary(type):
        return _BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), text.encode())
    if type.equals(UUID):
        return uuid.UUID(text)
    if is_.is_date(type):
        return datetime.date.fromisoformat(text)
    if is_.is_timestamp(type):
        moment = datetime.datetime.fromisoformat(text)
        return moment if type.tz is None else moment.astimezone(datetime.UTC)
    if is_.is_time64(type) or type.equals(TIMETZ):
        return datetime.time.fromisoformat(text)
    if type.equals(INTERVAL):
        return _read_interval(text)
    return text


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?\d*\.?\d*", text) is not None and any(map(str.isdigit, text))


def _read_interval(text: str) -> pa.MonthDayNano:
    """``1 year 2 months 3 days 04:05:06.000007``, or microseconds as :func:`to_text` writes them."""
    units = {"year": 0, "month": 0, "day": 0, "microsecond": 0}
    for amount, unit in _AMOUNT.findall(text):
        units[unit] += int(amount)
    clock = _CLOCK.search(text)
    if clock is not None:
        sign, hours, minutes, seconds, fraction = clock.groups(default="")
        total = (int(hours) * 3600 + int(minutes) * 60 + int(seconds)) * 1_000_000 + int(fraction.ljust(6, "0"))
        units["microsecond"] += -total if sign else total
    if _CLOCK.sub("", _AMOUNT.sub("", text)).strip() or not text.strip():
        raise ValueError(f"{text[:40]!r} is no INTERVAL")
    return pa.MonthDayNano((units["year"] * 12 + units["month"], units["day"], units["microsecond"] * 1000))
