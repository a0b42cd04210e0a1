"""From the documents of the wire to predicates, strictly: what is not in the format is an error (spec 07, 4 and 5)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import pyarrow as pa

from ..errors import FilterError
from .envelope import ENCODING, SEMANTICS, Envelope, read_envelope
from .tree import (
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
    Unknown,
)

MAX_PREDICATES = 1024
MAX_NODES = 10_000
MAX_DEPTH = 64
MAX_ID_BYTES = 128

STANDARD_FUNCTIONS = ("starts_with", "ends_with", "contains", "list_contains")
SOURCES = ("query", "join", "top_n", "split_refinement", "other")

_NAMESPACE = re.compile(r"[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)*")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Update:
    """A change of the predicates while a scan runs.

    Attributes:
        id: of the predicate that changes.
        revision: newer than that of all earlier changes, or the change is stale.
        predicate: takes its place; None removes it.
    """

    id: str
    revision: int
    predicate: Predicate | None


def decode_snapshot(data: bytes, join_keys: Sequence[bytes], columns: pa.Schema) -> tuple[Predicate, ...]:
    """The predicates with which a scan begins.

    Args:
        data: the IPC stream of the envelope.
        join_keys: the IPC streams of the sets that travel beside it.
        columns: all columns of the function, not projected.

    Raises:
        FilterError: it is malformed.
    """
    reader, document = _open(data, join_keys, columns, "snapshot", "predicates")
    if len(document) > MAX_PREDICATES:
        raise FilterError(f"malformed filter: {len(document)} predicates; at most {MAX_PREDICATES} are allowed")
    predicates = tuple(reader.predicate(item) for item in document)
    _check_distinct([predicate.id for predicate in predicates])
    return predicates


def decode_delta(data: bytes, columns: pa.Schema) -> tuple[Update, ...]:
    """The changes that a tick brings; arguments as for :func:`decode_snapshot`.

    Raises:
        FilterError: it is malformed.
    """
    reader, document = _open(data, (), columns, "delta", "updates")
    if len(document) > MAX_PREDICATES:
        raise FilterError(f"malformed filter: {len(document)} updates; at most {MAX_PREDICATES} are allowed")
    updates = tuple(reader.update(item) for item in document)
    _check_distinct([update.id for update in updates])
    return updates


def _check_distinct(ids: list[str]) -> None:
    if len(set(ids)) != len(ids):
        raise FilterError("malformed filter: two predicates have one id")


def _open(
    data: bytes, join_keys: Sequence[bytes], columns: pa.Schema, kind: str, member: str
) -> tuple[_Reader, list[Any]]:
    envelope = read_envelope(data, join_keys)
    try:
        document = json.loads(
            envelope.document, object_pairs_hook=_members, parse_constant=_no_number, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise FilterError(f"malformed filter: its document is no JSON: {error}") from None
    _object(document, {"encoding", "semantics", "kind", member}, "the document")
    for name, expected in (("encoding", ENCODING), ("semantics", SEMANTICS), ("kind", kind)):
        if document[name] != expected:
            raise FilterError(f"malformed filter: {name} must be {expected}, got {_shown(document[name])}")
    return _Reader(envelope, columns), _list(document[member], member)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise FilterError("malformed filter: a JSON object has a key twice")
    return members


def _no_number(text: str) -> Any:
    raise FilterError(f"malformed filter: {text} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise FilterError("malformed filter: a number is too large")
    return value


class _Reader:
    """Reads the nodes of one document, within the limits of the format."""

    def __init__(self, envelope: Envelope, columns: pa.Schema):
        self._envelope = envelope
        self._columns = columns
        self._nodes = 0
        self._root: Any = None
        self._read: dict[str, Callable[[dict[str, Any], int], Expression]] = {
            "column_ref": self._column,
            "field_ref": self._field,
            "literal": self._literal,
            "comparison": self._comparison,
            "and": lambda node, depth: And(self._conditions(node, depth)),
            "or": lambda node, depth: Or(self._conditions(node, depth)),
            "not": lambda node, depth: Not(self._condition(_only(node, "expression")["expression"], depth)),
            "is_null": self._is_null,
            "in": self._in,
            "cast": self._cast,
            "arithmetic": self._arithmetic,
            "negate": self._negate,
            "call": self._call,
            "runtime_filter": self._runtime_filter,
        }

    def predicate(self, item: Any, *, delta: bool = False) -> Predicate:
        """A predicate, or the upsert of one."""
        members = {"id", "revision", "mode", "source", "expression"}
        _object(item, members | {"operation"} if delta else members, "a predicate")
        id_ = _id(item["id"])
        revision = _uint(item["revision"], "a revision")
        if not delta and revision != 0:
            raise FilterError(f"malformed filter: predicate {id_} of a snapshot has revision {revision}")
        if item["mode"] not in ("required", "advisory"):
            raise FilterError(f"malformed filter: {_shown(item['mode'])} is no mode of a predicate")
        required = item["mode"] == "required"
        if delta and required:
            raise FilterError(f"malformed filter: a change of predicate {id_} must be advisory")
        if item["source"] not in SOURCES:
            raise FilterError(f"malformed filter: {_shown(item['source'])} is no source of a predicate")
        node = item["expression"]
        probabilistic = isinstance(node, dict) and node.get("node") == "runtime_filter"
        if probabilistic and required:
            raise FilterError(f"malformed filter: predicate {id_} is a runtime filter, which cannot be required")
        self._root = node
        expression = self._condition(node, 0)
        return Predicate(id_, expression, required, revision, item["source"])

    def update(self, item: Any) -> Update:
        """A change of a delta."""
        operation = item.get("operation") if isinstance(item, dict) else None
        if operation == "upsert":
            predicate = self.predicate(item, delta=True)
            return Update(predicate.id, predicate.revision, predicate)
        if operation != "remove":
            raise FilterError(f"malformed filter: {_shown(operation)} is no operation")
        _object(item, {"operation", "id", "revision"}, "a removal")
        return Update(_id(item["id"]), _uint(item["revision"], "a revision"), None)

    def _expression(self, node: Any, depth: int) -> Expression:
        depth += 1
        self._nodes += 1
        if depth > MAX_DEPTH:
            raise FilterError(f"malformed filter: nested deeper than {MAX_DEPTH}")
        if self._nodes > MAX_NODES:
            raise FilterError(f"malformed filter: more than {MAX_NODES} nodes")
        if not isinstance(node, dict):
            raise FilterError(f"malformed filter: expected a node, got {_shown(node)}")
        kind = node.get("node")
        read = self._read.get(kind) if isinstance(kind, str) else None
        if read is None:
            raise FilterError(f"malformed filter: {_shown(kind)} is no kind of node")
        return read(node, depth)

    def _condition(self, node: Any, depth: int) -> Expression:
        """A node whose value is a BOOLEAN."""
        expression = self._expression(node, depth)
        if not _is_boolean(expression.type):
            raise FilterError(f"malformed filter: {expression} is a condition, but its type is {expression.type}")
        return expression

    def _conditions(self, node: dict[str, Any], depth: int) -> tuple[Expression, ...]:
        children = _list(_only(node, "children")["children"], "children")
        if len(children) < 2:
            raise FilterError(f"malformed filter: '{node['node']}' needs two children at least")
        return tuple(self._condition(child, depth) for child in children)

    def _column(self, node: dict[str, Any], depth: int) -> Expression:
        _only(node, "column_index", "column_name")
        index = _uint(node["column_index"], "a column index")
        name = node["column_name"]
        if index >= len(self._columns) or self._columns.field(index).name != name:
            raise FilterError(f"malformed filter: the function has no column {index} {_shown(name)}")
        return Column(name, index, self._columns.field(index).type)

    def _field(self, node: dict[str, Any], depth: int) -> Expression:
        _only(node, "expression", "field_index", "field_name")
        of = self._expression(node["expression"], depth)
        index = _uint(node["field_index"], "a field index")
        type_ = of.type
        if not pa.types.is_struct(type_) or index >= type_.num_fields or type_.field(index).name != node["field_name"]:
            raise FilterError(f"malformed filter: {of} has no field {index} {_shown(node['field_name'])}")
        return StructField(of, node["field_name"], index, type_.field(index).type)

    def _literal(self, node: dict[str, Any], depth: int) -> Expression:
        return Literal(self._envelope.value(_uint(_only(node, "value_ref")["value_ref"], "a reference")))

    def _comparison(self, node: dict[str, Any], depth: int) -> Expression:
        _only(node, "op", "left", "right")
        if not isinstance(node["op"], str) or node["op"] not in COMPARISONS:
            raise FilterError(f"malformed filter: {_shown(node['op'])} is no comparison")
        return Comparison(node["op"], self._expression(node["left"], depth), self._expression(node["right"], depth))

    def _is_null(self, node: dict[str, Any], depth: int) -> Expression:
        _only(node, "expression", "negated")
        return IsNull(self._expression(node["expression"], depth), _bool(node["negated"]))

    def _in(self, node: dict[str, Any], depth: int) -> Expression:
        _only(node, "expression", "set", "negated")
        return In(self._expression(node["expression"], depth), self._set(node["set"]), _bool(node["negated"]))

    def _set(self, node: Any) -> pa.Array:
        kind = node.get("kind") if isinstance(node, dict) else None
        if kind == "literal":
            _object(node, {"kind", "value_ref"}, "a set")
            value = self._envelope.value(_uint(node["value_ref"], "a reference"))
            if not _is_list(value.type) or not value.is_valid:
                raise FilterError(f"malformed filter: a set is a list, not {value.type}")
            return value.values
        if kind == "external":
            _object(node, {"kind", "batch_index", "column_index", "column_name"}, "a set")
            return self._envelope.external_set(
                _uint(node["batch_index"], "an index"), _uint(node["column_index"], "an index"), node["column_name"]
            )
        raise FilterError(f"malformed filter: {_shown(kind)} is no kind of set")

    def _cast(self, node: dict[str, Any], depth: int) -> Expression:
        _only(node, "expression", "type_ref")
        target = self._envelope.type(_uint(node["type_ref"], "a reference"))
        of = self._expression(node["expression"], depth)
        if _depends_on_session(of.type) and _depends_on_session(target):
            raise FilterError(f"malformed filter: a cast from {of.type} to {target} needs a session context")
        return Cast(of, target)

    def _arithmetic(self, node: dict[str, Any], depth: int) -> Expression:
        _only(node, "op", "left", "right")
        operator = node["op"]
        if not isinstance(operator, str) or operator not in ARITHMETIC:
            raise FilterError(f"malformed filter: {_shown(operator)} is no arithmetic")
        if operator in ("divide", "modulo"):
            raise FilterError(f"malformed filter: '{operator}' needs a session context")
        return Arithmetic(operator, self._expression(node["left"], depth), self._expression(node["right"], depth))

    def _negate(self, node: dict[str, Any], depth: int) -> Expression:
        return Negate(self._expression(_only(node, "expression")["expression"], depth))

    def _call(self, node: dict[str, Any], depth: int) -> Expression:
        function = node.get("function")
        allowed = {"node", "function", "arguments"}
        if isinstance(function, dict) and "options" in node:
            allowed.add("options")
            if node["options"] != {}:
                raise FilterError("malformed filter: the options of a call must be empty")
        _object(node, allowed, "a call")
        arguments = _list(node["arguments"], "arguments")
        if len(arguments) != 2:
            raise FilterError(f"malformed filter: a call has two arguments, not {len(arguments)}")
        left, right = (self._expression(argument, depth) for argument in arguments)
        if isinstance(function, dict):
            return Unknown(f"function {_identity(function)}", pa.bool_())
        if function not in STANDARD_FUNCTIONS:
            raise FilterError(f"malformed filter: {_shown(function)} is no standard function")
        _check_call(cast(Any, function), left, right)
        return Call(cast(Any, function), (left, right))

    def _runtime_filter(self, node: dict[str, Any], depth: int) -> Expression:
        _only(node, "algorithm", "input", "artifact_ref", "null_handling")
        if node is not self._root:
            raise FilterError("malformed filter: a runtime filter stands alone")
        if node["null_handling"] not in ("pass", "reject"):
            raise FilterError(f"malformed filter: {_shown(node['null_handling'])} is no handling of NULLs")
        self._expression(node["input"], depth)
        self._envelope.artifact(_uint(node["artifact_ref"], "a reference"))
        return Unknown(f"runtime filter {_identity(node['algorithm'])}", pa.bool_())


def _check_call(function: str, left: Expression, right: Expression) -> None:
    if function == "list_contains":
        fits = _is_list(left.type)
    else:
        fits = _is_text(left.type) and _is_text(right.type)
    if not fits:
        raise FilterError(f"malformed filter: {function} does not take {left.type} and {right.type}")


def _is_text(type_: pa.DataType) -> bool:
    from ..types.forms import is_text

    if isinstance(type_, pa.BaseExtensionType):
        type_ = type_.storage_type
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return is_text(type_)


def _depends_on_session(type_: pa.DataType) -> bool:
    return _is_text(type_) or bool(pa.types.is_temporal(type_))


def _is_list(type_: pa.DataType) -> bool:
    is_ = pa.types
    tests = (is_.is_list, is_.is_large_list, is_.is_fixed_size_list, is_.is_list_view, is_.is_large_list_view)
    return any(test(type_) for test in tests)


def _is_boolean(type_: pa.DataType) -> bool:
    return bool(pa.types.is_boolean(type_)) or getattr(type_, "extension_name", "") == "arrow.bool8"


def _identity(function: Any) -> str:
    _object(function, {"namespace", "name", "version"}, "the identity of a function")
    namespace, name = function["namespace"], function["name"]
    valid = isinstance(namespace, str) and _NAMESPACE.fullmatch(namespace)
    valid = valid and isinstance(name, str) and _NAME.fullmatch(name)
    if not valid or _uint(function["version"], "a version") < 1:
        raise FilterError(f"malformed filter: {_shown(function)} identifies no function")
    return f"{namespace}/{name}@{function['version']}"


def _only(node: dict[str, Any], *members: str) -> dict[str, Any]:
    return _object(node, {"node", *members}, f"'{node['node']}'")


def _object(item: Any, members: set[str], what: str) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise FilterError(f"malformed filter: {what} must be an object, not {_shown(item)}")
    if item.keys() != members:
        missing, unknown = members - item.keys(), item.keys() - members
        problem = f"misses {', '.join(sorted(missing))}" if missing else f"has {_shown(sorted(unknown))}"
        raise FilterError(f"malformed filter: {what} {problem}")
    return item


def _list(item: Any, what: str) -> list[Any]:
    if not isinstance(item, list):
        raise FilterError(f"malformed filter: {what} must be a list, not {_shown(item)}")
    return item


def _uint(item: Any, what: str) -> int:
    if type(item) is not int or not 0 <= item < 1 << 63:
        raise FilterError(f"malformed filter: {what} is a number from 0 up, not {_shown(item)}")
    return item


def _bool(item: Any) -> bool:
    if not isinstance(item, bool):
        raise FilterError(f"malformed filter: 'negated' is true or false, not {_shown(item)}")
    return item


def _id(item: Any) -> str:
    if not isinstance(item, str) or not 1 <= len(item.encode("utf-8", "surrogatepass")) <= MAX_ID_BYTES:
        raise FilterError(f"malformed filter: {_shown(item)} is no id of a predicate")
    return item


def _shown(item: Any) -> str:
    text = repr(item)
    return text if len(text) <= 100 else text[:97] + "..."
