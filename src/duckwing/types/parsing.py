"""DuckDB's names of types, read. (Not ``parse.py``: the module would hide the function of that name.)"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Final, NoReturn

import pyarrow as pa

from . import (
    ANY,
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
    GEOMETRY,
    HUGEINT,
    INTEGER,
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
    TIMETZ,
    TINYINT,
    UBIGINT,
    UHUGEINT,
    UINTEGER,
    UNION,
    USMALLINT,
    UTINYINT,
    UUID,
    VARCHAR,
)
from .refusals import MAX_DEPTH, TOO_DEEP, nesting

_NAMES: Final[dict[str, pa.DataType]] = {
    name: type
    for names, type in (
        ("any null", ANY),
        ("boolean bool logical", BOOLEAN),
        ("tinyint int1", TINYINT),
        ("smallint int2 int16 short", SMALLINT),
        ("integer int int4 int32 signed integral", INTEGER),
        ("bigint int8 int64 long oid", BIGINT),
        ("hugeint int128", HUGEINT),
        ("utinyint uint8", UTINYINT),
        ("usmallint uint16", USMALLINT),
        ("uinteger uint32", UINTEGER),
        ("ubigint uint64", UBIGINT),
        ("uhugeint uint128", UHUGEINT),
        ("bignum varint", BIGNUM),
        ("float float4 real", FLOAT),
        ("double float8", DOUBLE),
        ("varchar text string char character bpchar nvarchar nchar", VARCHAR),
        ("blob bytea binary varbinary", BLOB),
        ("bit bitstring", BIT),
        ("uuid guid", UUID),
        ("json", JSON),
        ("geometry", GEOMETRY),
        ("date", DATE),
        ("time", TIME),
        ("time_ns", TIME_NS),
        ("timetz", TIMETZ),
        ("timestamp datetime timestamp_us", TIMESTAMP),
        ("timestamp_s", TIMESTAMP_S),
        ("timestamp_ms", TIMESTAMP_MS),
        ("timestamp_ns", TIMESTAMP_NS),
        ("timestamptz", TIMESTAMPTZ),
        ("interval", INTERVAL),
    )
    for name in names.split()
} | {"time with time zone": TIMETZ, "timestamp with time zone": TIMESTAMPTZ}

_PHRASES: Final = {
    ("double", "precision"): "double",
    ("character", "varying"): "varchar",
    ("char", "varying"): "varchar",
    ("national", "character", "varying"): "varchar",
    ("national", "character"): "varchar",
    ("timestamp", "with", "time", "zone"): "timestamptz",
    ("timestamp", "without", "time", "zone"): "timestamp",
    ("time", "with", "time", "zone"): "timetz",
    ("time", "without", "time", "zone"): "time",
}
"""Names of several words."""

_DECIMALS: Final = frozenset({"decimal", "numeric", "dec"})
_WITHOUT_FORM: Final = {
    "enum": "an ENUM arrives as VARCHAR and cannot be returned; use VARCHAR",
    "variant": "a VARIANT can neither be passed nor returned; use JSON",
    "type": "a TYPE can neither be passed nor returned; use VARCHAR",
}

_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<word>[^\W\d][\w$]*)|(?P<quoted>"(?:[^"]|"")+")|(?P<number>\d+)|(?P<text>'(?:[^']|'')*')|(?P<sign>.))""",
    re.DOTALL,
)


def parse(text: str) -> pa.DataType:
    """The type that DuckDB means by ``text``, such as ``DECIMAL(10, 2)[]`` or ``struct(a int, "b c" text)``.

    All of DuckDB's names and aliases are known, in any case. What :func:`duckwing.types.sql_name`
    prints, ``ANY`` included, is read as the same type.

    Raises:
        ValueError: there is no such type, or no value of it can be passed to a function or returned.
    """
    if not isinstance(text, str):
        raise TypeError(f"the name of a type is a string, not {text!r}")
    return _Parser(text).whole()


class _Parser:
    """One text and a place in it.

    Attributes:
        text: the text.
        tokens: kind, spelling and place of each token, with one of kind ``end`` at the end.
        next: number of the token to read.
    """

    def __init__(self, text: str):
        self.text = text
        matches = _TOKEN.finditer(text.rstrip())
        self.tokens = [(m.lastgroup or "", m.group(m.lastgroup or 0), m.start(m.lastgroup or 0)) for m in matches]
        self.tokens.append(("end", "", len(text.rstrip())))
        self.next = 0

    def whole(self) -> pa.DataType:
        type = self._type(1)
        if self.tokens[self.next][0] != "end":
            self._fail("the end was expected")
        return type

    def _type(self, depth: int) -> pa.DataType:
        type = self._unsuffixed(depth)
        while True:
            place = self.next
            if self._take("array"):
                sized = self._take("[")
            elif self._take("["):
                sized = not self._take("]")
            else:
                return type
            if not sized:
                type = self._made(functools.partial(LIST, type), place)
                continue
            place = self.next
            size = self._number("the size of the ARRAY, or ']', was expected")
            type = self._made(functools.partial(ARRAY, type, size), place)
            self._expect("]")

    def _unsuffixed(self, depth: int) -> pa.DataType:
        if depth > MAX_DEPTH:
            self._fail(TOO_DEEP)
        start = self.next
        kind = self.tokens[start][0]
        if kind not in ("word", "quoted"):
            self._fail("the name of a type was expected")
        phrase = self._phrase() if kind == "word" else None
        name = phrase or self._name().lower()
        if name in ("struct", "row", "union"):
            make = UNION if name == "union" else STRUCT
            return self._made(functools.partial(make, self._members(depth)), start)
        if name == "map":
            self._expect("(")
            key = self._type(depth + 1)
            self._expect(",")
            value = self._type(depth + 1)
            self._expect(")")
            return self._made(functools.partial(MAP, key, value), start)
        if name in _DECIMALS:
            return self._decimal()
        if name in _WITHOUT_FORM:
            self._fail(_WITHOUT_FORM[name], start)
        type = _NAMES.get(name)
        if type is None:
            self._fail("there is no such type", start)
        return self._modified(name, type)

    def _phrase(self) -> str | None:
        """A name of several words; with ``TIMESTAMP(6) WITHOUT TIME ZONE``, the precision is left to be read."""
        for words, name in _PHRASES.items():
            found = self.tokens[self.next : self.next + len(words)]
            if tuple(spelling.lower() for kind, spelling, _ in found if kind == "word") == words:
                self.next += len(words)
                return name
        return None

    def _modified(self, name: str, type: pa.DataType) -> pa.DataType:
        """The type with what may follow its name in parentheses."""
        if not self._take("("):
            return type
        place = self.next
        if type not in (VARCHAR, TIMESTAMP, BIT) and name != "float":
            self._fail("this type takes no parameters" if type != GEOMETRY else "use GEOMETRY without reference system")
        number = self._number("a number was expected")
        self._expect(")")
        if type == TIMESTAMP:
            if number > 9:
                self._fail("a TIMESTAMP has at most 9 digits after the second", place)
            for word in ("without", "time", "zone") if self._peek() == "without" else ():
                self._expect(word)
            return TIMESTAMP_S if number == 0 else (TIMESTAMP_MS, TIMESTAMP, TIMESTAMP_NS)[(number - 1) // 3]
        if name == "float":
            if not 1 <= number <= 53:
                self._fail("a FLOAT has 1 to 53 bits", place)
            return FLOAT if number <= 24 else DOUBLE
        return type  # DuckDB, too, forgets the length of a VARCHAR or BIT

    def _decimal(self) -> pa.DataType:
        place = self.next
        if not self._take("("):
            return DECIMAL(18, 3)
        precision, scale = self._number("the number of digits was expected"), 0
        if self._take(","):
            scale = self._number("the number of digits after the point was expected")
        self._expect(")")
        return self._made(functools.partial(DECIMAL, precision, scale), place)

    def _members(self, depth: int) -> dict[str, pa.DataType]:
        members: dict[str, pa.DataType] = {}
        folded: set[str] = set()
        self._expect("(")
        while True:
            place = self.next
            if self.tokens[place][0] not in ("word", "quoted"):
                self._fail("the name of a member was expected")
            name = self._name()
            if name.casefold() in folded:
                self._fail("there is already a member of this name", place)
            folded.add(name.casefold())
            members[name] = self._type(depth + 1)
            if not self._take(","):
                self._expect(")")
                return members

    def _name(self) -> str:
        kind, spelling, _ = self.tokens[self.next]
        self.next += 1
        return spelling[1:-1].replace('""', '"') if kind == "quoted" else spelling

    def _number(self, expected: str) -> int:
        kind, spelling, _ = self.tokens[self.next]
        if kind != "number" or len(spelling) > 9:
            self._fail(expected)
        self.next += 1
        return int(spelling)

    def _peek(self) -> str:
        kind, spelling, _ = self.tokens[self.next]
        return spelling.lower() if kind in ("word", "sign") else ""

    def _take(self, spelling: str) -> bool:
        """Read the next token if it is this one."""
        found = self._peek() == spelling
        self.next += found
        return found

    def _expect(self, spelling: str) -> None:
        if not self._take(spelling):
            self._fail(f"'{spelling.upper()}' was expected")

    def _made(self, make: Callable[[], pa.DataType], place: int) -> pa.DataType:
        try:
            type = make()
        except ValueError as error:
            self._fail(str(error), place)
        if nesting(type) > MAX_DEPTH:
            self._fail(TOO_DEEP, place)
        return type

    def _fail(self, reason: str, token: int | None = None) -> NoReturn:
        _, spelling, place = self.tokens[self.next if token is None else token]
        where = f"at {spelling!r}, character {place + 1}" if spelling else "at the end"
        shown = self.text if len(self.text) <= 100 else f"{self.text[:97]}..."
        raise ValueError(f"cannot read the type {shown!r}: {reason}, {where}")
