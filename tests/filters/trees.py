"""Random schemas, and predicates over their columns that the format has a form for."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from duckwing.filters.decode import SOURCES, STANDARD_FUNCTIONS
from duckwing.filters.tree import (
    ARITHMETIC,
    COMPARISONS,
    And,
    Arithmetic,
    Call,
    Cast,
    Column,
    Comparison,
    Expression,
    In,
    IsNull,
    Literal,
    Negate,
    Not,
    Or,
    Predicate,
    StructField,
)
from duckwing.types import BIGINT, BOOLEAN, DOUBLE, GEOMETRY, LIST, STRUCT, VARCHAR
from duckwing.types.values import from_values

from ..types.strategies import SCALARS, nested

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)
# pyarrow reads geoarrow.wkb as BLOB, and a UNION has no NULL of its own to compare.
_MEMBERS = st.sampled_from([pair for pair in SCALARS if not pair[0].equals(GEOMETRY)])
TYPED = _MEMBERS | nested(_MEMBERS).filter(lambda pair: not pa.types.is_union(pair[0]))


def column(schema: pa.Schema, name: str) -> Column:
    """The column of ``schema`` of that name."""
    return Column(name, schema.get_field_index(name), schema.field(name).type)


def field(of: Expression, name: str) -> StructField:
    """A field of a struct."""
    return StructField(of, name, of.type.get_field_index(name), of.type.field(name).type)


def literal(value: Any, type: pa.DataType) -> Literal:
    """The constant ``value``, a Python value of the table in :mod:`duckwing.types.values`."""
    return Literal(from_values([value], type, "literal")[0])


def values(items: list[Any], type: pa.DataType) -> pa.Array:
    """The set of an IN."""
    return from_values(items, type, "set")


@st.composite
def schemas(draw: st.DrawFn) -> pa.Schema:
    """Columns of any type, one BOOLEAN and one STRUCT at least."""
    types = [BOOLEAN, STRUCT({"a": BIGINT, "b": STRUCT({"c": VARCHAR, "d": BOOLEAN})}), LIST(DOUBLE)]
    types += [type for type, _ in draw(st.lists(TYPED, max_size=4))]
    names = draw(st.lists(NAMES, min_size=len(types), max_size=len(types), unique=True))
    return pa.schema(list(zip(names, draw(st.permutations(types)), strict=True)))


def _places(schema: pa.Schema) -> list[Expression]:
    """All columns and fields of structs."""
    places: list[Expression] = []
    todo: list[Expression] = [column(schema, name) for name in schema.names]
    while todo:
        place = todo.pop()
        places.append(place)
        if pa.types.is_struct(place.type):
            todo += [
                StructField(place, place.type.field(i).name, i, place.type.field(i).type)
                for i in range(place.type.num_fields)
            ]
    return places


@st.composite
def _literals(draw: st.DrawFn) -> Expression:
    type, of = draw(TYPED)
    return literal(draw(st.none() | of), type)


@st.composite
def _casts(draw: st.DrawFn, inner: st.SearchStrategy[Expression]) -> Expression:
    target, _ = draw(TYPED)
    of = draw(inner)
    plain = pa.types.is_floating(of.type) or pa.types.is_integer(of.type) or pa.types.is_floating(target)
    return Cast(of, target if plain else DOUBLE)  # others could need a session


@st.composite
def _ins(draw: st.DrawFn, inner: st.SearchStrategy[Expression]) -> Expression:
    type, of = draw(TYPED)
    repeat = draw(st.sampled_from([1, 1, 100]))
    return In(draw(inner), values(draw(st.lists(st.none() | of, max_size=4)) * repeat, type), draw(st.booleans()))


def _calls(inner: st.SearchStrategy[Expression], schema: pa.Schema) -> st.SearchStrategy[Expression]:
    texts = st.text(st.characters(exclude_categories=["Cs"])).map(lambda text: literal(text, VARCHAR))
    places = _places(schema)
    texts |= st.sampled_from([place for place in places if place.type.equals(VARCHAR)])
    lists = st.sampled_from([place for place in places if pa.types.is_list(place.type)])
    of_texts = st.builds(Call, st.sampled_from(STANDARD_FUNCTIONS[:3]), st.tuples(texts, texts))
    return of_texts | st.builds(Call, st.just("list_contains"), st.tuples(lists, inner))


def expressions(schema: pa.Schema) -> st.SearchStrategy[Expression]:
    """Conditions over the columns of ``schema``; their parts need not fit each other in type."""
    places = _places(schema)
    leaf = st.sampled_from(places) | _literals()
    inner = st.recursive(
        leaf,
        lambda of: (
            _casts(of)
            | st.builds(Negate, of)
            | st.builds(Arithmetic, st.sampled_from([*ARITHMETIC][:3]), of, of)
            | st.builds(Comparison, st.sampled_from([*COMPARISONS]), of, of)
        ),
        max_leaves=4,
    )
    boolean = (
        st.builds(Comparison, st.sampled_from([*COMPARISONS]), inner, inner)
        | st.builds(IsNull, inner, st.booleans())
        | _ins(inner)
        | _calls(inner, schema)
        | st.sampled_from([place for place in places if place.type.equals(BOOLEAN)])
        | st.sampled_from([literal(True, BOOLEAN), literal(None, BOOLEAN)])
    )
    some = st.lists
    return st.recursive(
        boolean,
        lambda of: (
            st.builds(Not, of)
            | st.builds(And, some(of, min_size=2, max_size=3).map(tuple))
            | st.builds(Or, some(of, min_size=2, max_size=3).map(tuple))
        ),
        max_leaves=5,
    )


IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=32)


@st.composite
def snapshots(draw: st.DrawFn) -> tuple[pa.Schema, tuple[Predicate, ...]]:
    """A schema and the predicates of one snapshot over it."""
    schema = draw(schemas())
    ids = draw(st.lists(IDS, unique=True, max_size=4))
    of = expressions(schema)
    sources: st.SearchStrategy[Any] = st.sampled_from(SOURCES)
    return schema, tuple(Predicate(id, draw(of), draw(st.booleans()), 0, draw(sources)) for id in ids)
