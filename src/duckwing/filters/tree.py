"""Pushed-down predicates as an immutable tree of expressions (spec 07, sections 4 and 5)."""

from __future__ import annotations

import decimal
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import TypeAlias

import pyarrow as pa

ComparisonOperator = OneOf["eq", "ne", "lt", "le", "gt", "ge", "distinct_from", "not_distinct_from"]
ArithmeticOperator = OneOf["add", "subtract", "multiply", "divide", "modulo"]
FunctionName = OneOf["starts_with", "ends_with", "contains", "list_contains"]
Source = OneOf["query", "join", "top_n", "split_refinement", "other"]

COMPARISONS: dict[ComparisonOperator, str] = {
    "eq": "=",
    "ne": "<>",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "distinct_from": "IS DISTINCT FROM",
    "not_distinct_from": "IS NOT DISTINCT FROM",
}
"""The operators of comparisons as SQL writes them."""

ARITHMETIC: dict[ArithmeticOperator, str] = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "modulo": "%",
}
"""The operators of arithmetic as SQL writes them."""


@dataclass(frozen=True, slots=True)
class Column:
    """The value of a column.

    Attributes:
        name: of the column.
        index: its place among all columns of the function, projected or not.
        type: as the function declares it.
    """

    name: str
    index: int
    type: pa.DataType

    def __str__(self) -> str:
        return quoted(self.name)


@dataclass(frozen=True, slots=True)
class StructField:
    """A field of a STRUCT; NULL if the struct is.

    Attributes:
        of: the struct.
        name: of the field.
        index: its place in the struct.
        type: of the field.
    """

    of: Expression
    name: str
    index: int
    type: pa.DataType

    def __str__(self) -> str:
        return f"{self.of}.{quoted(self.name)}"


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant; ``value.as_py()`` is None for a typed NULL."""

    value: pa.Scalar

    @property
    def type(self) -> pa.DataType:
        """The Arrow type in which the client has sent it."""
        return self.value.type

    def __str__(self) -> str:
        return shown(self.value)


@dataclass(frozen=True, slots=True)
class Comparison:
    """``left operator right``: NULL if a side is, but for ``distinct_from`` and ``not_distinct_from``."""

    operator: ComparisonOperator
    left: Expression
    right: Expression

    @property
    def type(self) -> pa.DataType:
        """BOOLEAN."""
        return pa.bool_()

    def __str__(self) -> str:
        return f"{_inner(self.left)} {COMPARISONS[self.operator]} {_inner(self.right)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of at least two conditions, in three-valued logic."""

    children: tuple[Expression, ...]

    @property
    def type(self) -> pa.DataType:
        """BOOLEAN."""
        return pa.bool_()

    def __str__(self) -> str:
        return " AND ".join(_inner(child) for child in self.children)


@dataclass(frozen=True, slots=True)
class Or:
    """One of at least two conditions, in three-valued logic."""

    children: tuple[Expression, ...]

    @property
    def type(self) -> pa.DataType:
        """BOOLEAN."""
        return pa.bool_()

    def __str__(self) -> str:
        return " OR ".join(_inner(child) for child in self.children)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition; NULL stays NULL."""

    of: Expression

    @property
    def type(self) -> pa.DataType:
        """BOOLEAN."""
        return pa.bool_()

    def __str__(self) -> str:
        return f"NOT {_inner(self.of)}"


@dataclass(frozen=True, slots=True)
class IsNull:
    """``IS NULL``, or ``IS NOT NULL`` if negated; never NULL itself."""

    of: Expression
    negated: bool = False

    @property
    def type(self) -> pa.DataType:
        """BOOLEAN."""
        return pa.bool_()

    def __str__(self) -> str:
        return f"{_inner(self.of)} IS {'NOT ' * self.negated}NULL"


@dataclass(frozen=True, slots=True, eq=False)
class In:
    """``IN``, or ``NOT IN`` if negated: NULL where SQL says so.

    Attributes:
        of: what is looked for.
        values: the set, which may contain NULL and repeat values.
        negated: the opposite is meant.
    """

    of: Expression
    values: pa.Array
    negated: bool = False

    @property
    def type(self) -> pa.DataType:
        """BOOLEAN."""
        return pa.bool_()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, In):
            return NotImplemented
        return self.of == other.of and self.negated == other.negated and self.values.equals(other.values)

    def __hash__(self) -> int:
        return hash((self.of, self.negated, len(self.values)))

    def __str__(self) -> str:
        some = ", ".join(shown(value) for value in self.values[:_SHOWN_VALUES])
        more = f", … {len(self.values)} values" if len(self.values) > _SHOWN_VALUES else ""
        return f"{_inner(self.of)} {'NOT ' * self.negated}IN ({some}{more})"


_SHOWN_VALUES = 10


@dataclass(frozen=True, slots=True)
class Cast:
    """A value as another type; one that does not fit is an error."""

    of: Expression
    type: pa.DataType

    def __str__(self) -> str:
        from ..types.names import sql_name

        return f"{_inner(self.of)}::{sql_name(self.type)}"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``left operator right`` of two numbers; NULL if a side is."""

    operator: ArithmeticOperator
    left: Expression
    right: Expression

    @property
    def type(self) -> pa.DataType:
        """That of the left side, which the right side shares."""
        return self.left.type

    def __str__(self) -> str:
        return f"{_inner(self.left)} {ARITHMETIC[self.operator]} {_inner(self.right)}"


@dataclass(frozen=True, slots=True)
class Negate:
    """The negative of a number."""

    of: Expression

    @property
    def type(self) -> pa.DataType:
        """That of the number."""
        return self.of.type

    def __str__(self) -> str:
        return f"-{_inner(self.of)}"


@dataclass(frozen=True, slots=True)
class Call:
    """A standard function of two arguments; NULL if one of them is."""

    function: FunctionName
    arguments: tuple[Expression, Expression]

    @property
    def type(self) -> pa.DataType:
        """BOOLEAN."""
        return pa.bool_()

    def __str__(self) -> str:
        return f"{self.function}({self.arguments[0]}, {self.arguments[1]})"


@dataclass(frozen=True, slots=True)
class Unknown:
    """What this worker cannot evaluate, such as a function that it never offered.

    Attributes:
        what: names it in error messages.
        type: of its value.
    """

    what: str
    type: pa.DataType

    def __str__(self) -> str:
        return f"<{self.what}>"


Expression: TypeAlias = (
    Column
    | StructField
    | Literal
    | Comparison
    | And
    | Or
    | Not
    | IsNull
    | In
    | Cast
    | Arithmetic
    | Negate
    | Call
    | Unknown
)


@dataclass(frozen=True, slots=True)
class Predicate:
    """A condition that rows of the result meet.

    Attributes:
        id: tells it from the others of one scan.
        revision: grows with each change.
        required: DuckDB does not check it again: who leaves it out returns wrong rows.
        source: where it comes from.
        expression: is true for the rows that are wanted.
    """

    id: str
    expression: Expression
    required: bool = True
    revision: int = 0
    source: Source = "query"

    def __str__(self) -> str:
        return str(self.expression)


def walk(expression: Expression) -> Iterator[Expression]:
    """``expression`` and all that it consists of, from the outside in."""
    yield expression
    for child in children(expression):
        yield from walk(child)


def children(expression: Expression) -> tuple[Expression, ...]:
    """The parts of ``expression``."""
    match expression:
        case And(parts) | Or(parts):
            return parts
        case Comparison(_, left, right) | Arithmetic(_, left, right):
            return (left, right)
        case Call(_, arguments):
            return arguments
        case StructField(of) | Not(of) | IsNull(of) | In(of) | Cast(of) | Negate(of):
            return (of,)
        case _:
            return ()


def quoted(name: str) -> str:
    """``name`` as SQL writes an identifier; plain where nothing speaks against it."""
    if name.isidentifier() and name.isascii():
        return name
    return '"' + name.replace('"', '""') + '"'


def shown(value: pa.Scalar) -> str:
    """A constant for people to read, about as SQL writes it."""
    if not value.is_valid:
        return "NULL"
    try:
        python = value.as_py()
    except (ValueError, OverflowError):  # beyond what Python's dates hold
        return str(value.cast(pa.int64()).as_py())
    if isinstance(python, bool):
        return "true" if python else "false"
    if isinstance(python, (int, float, decimal.Decimal)):
        return str(python)
    if isinstance(python, bytes):
        return f"'{''.join(f'{chr(92)}x{byte:02X}' for byte in python)}'::BLOB"
    text = str(python)
    return "'" + text.replace("'", "''") + "'"


def _inner(expression: Expression) -> str:
    text = str(expression)
    return f"({text})" if isinstance(expression, (And, Or, Comparison, In, IsNull, Not, Arithmetic)) else text
