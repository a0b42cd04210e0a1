"""From predicates to the documents of the wire, as the client writes them: the reverse of :mod:`.decode`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ..errors import FilterError
from .decode import Update
from .envelope import ENCODING, SEMANTICS, write_envelope, write_join_keys
from .tree import (
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
    Unknown,
    walk,
)

INLINE_VALUES = 256
"""Sets with more values travel beside a snapshot. The client draws its line at about the same size."""


def encode_snapshot(predicates: Sequence[Predicate]) -> tuple[bytes, tuple[bytes, ...]]:
    """The envelope with which a scan begins, and the sets that travel beside it (spec 07, sections 4 and 6).

    Raises:
        FilterError: the format has no form for a part of a predicate, such as a function that nobody knows.
    """
    writer = _Writer(external=True)
    document = _document("snapshot", "predicates", [writer.predicate(predicate) for predicate in predicates])
    return write_envelope(document, writer.payload), tuple(writer.join_keys)


def encode_delta(updates: Sequence[Update]) -> bytes:
    """The envelope that a tick brings (spec 07, section 7); all its sets are inside.

    Raises:
        FilterError: as for :func:`encode_snapshot`.
    """
    writer = _Writer(external=False)
    return write_envelope(_document("delta", "updates", [writer.update(update) for update in updates]), writer.payload)


def _document(kind: str, member: str, items: list[dict[str, Any]]) -> str:
    document = {"encoding": ENCODING, "semantics": SEMANTICS, "kind": kind, member: items}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


class _Writer:
    """Writes the nodes of one document and collects the values that they refer to."""

    def __init__(self, *, external: bool):
        self.payload: list[tuple[str, pa.Array]] = []
        self.join_keys: list[bytes] = []
        self._external = external
        self._values = 0
        self._types = 0

    def predicate(self, predicate: Predicate) -> dict[str, Any]:
        return {
            "id": predicate.id,
            "revision": predicate.revision,
            "mode": "required" if predicate.required else "advisory",
            "source": predicate.source,
            "expression": self._node(predicate.expression),
        }

    def update(self, update: Update) -> dict[str, Any]:
        if update.predicate is None:
            return {"operation": "remove", "id": update.id, "revision": update.revision}
        return {"operation": "upsert", **self.predicate(update.predicate)}

    def _node(self, expression: Expression) -> dict[str, Any]:
        match expression:
            case Column(name, index):
                return {"node": "column_ref", "column_index": index, "column_name": name}
            case StructField(of, name, index):
                return {"node": "field_ref", "expression": self._node(of), "field_index": index, "field_name": name}
            case Literal(value):
                return {"node": "literal", "value_ref": self._value(pa.repeat(value, 1))}
            case Comparison(operator, left, right):
                return {"node": "comparison", "op": operator, "left": self._node(left), "right": self._node(right)}
            case And(children):
                return {"node": "and", "children": [self._node(child) for child in children]}
            case Or(children):
                return {"node": "or", "children": [self._node(child) for child in children]}
            case Not(of):
                return {"node": "not", "expression": self._node(of)}
            case IsNull(of, negated):
                return {"node": "is_null", "expression": self._node(of), "negated": negated}
            case In(of, _, negated):
                return {"node": "in", "expression": self._node(of), "set": self._set(expression), "negated": negated}
            case Cast(of, type):
                return {"node": "cast", "expression": self._node(of), "type_ref": self._type(type)}
            case Arithmetic(operator, left, right):
                return {"node": "arithmetic", "op": operator, "left": self._node(left), "right": self._node(right)}
            case Negate(of):
                return {"node": "negate", "expression": self._node(of)}
            case Call(function, arguments):
                return {"node": "call", "function": function, "arguments": [self._node(part) for part in arguments]}
            case Unknown(what):
                raise FilterError(f"the filter format has no form for {what}")

    def _value(self, array: pa.Array) -> int:
        reference = self._values
        self._values += 1
        self.payload.append((f"value_{reference}", array))
        return reference

    def _type(self, type: pa.DataType) -> int:
        reference = self._types
        self._types += 1
        self.payload.append((f"type_{reference}", pa.nulls(1, type)))
        return reference

    def _set(self, expression: In) -> dict[str, Any]:
        values = expression.values
        if not self._external or expression.negated or len(values) <= INLINE_VALUES:
            offsets = pa.array([0, len(values)], pa.int32())
            array = pa.ListArray.from_arrays(offsets, values, type=pa.list_(pa.field("l", values.type)))
            return {"kind": "literal", "value_ref": self._value(array)}
        name = next((part.name for part in walk(expression.of) if isinstance(part, Column)), "value")
        self.join_keys.append(write_join_keys(name, values))
        return {"kind": "external", "batch_index": len(self.join_keys) - 1, "column_index": 0, "column_name": name}
