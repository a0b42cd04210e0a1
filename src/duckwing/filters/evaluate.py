"""Predicates over record batches, in three-valued logic (spec 07, section 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FilterError
from ..types.numpy_views import to_numpy
from .cast import caster
from .compare import MIRRORED, Side, comparison, membership
from .keys import is_null, keys, one, spans, struct_field
from .plain import plain
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
)

Run = Callable[[pa.RecordBatch], pa.Array]

_FAILURES = (FilterError, pa.ArrowException, ValueError, OverflowError, ArithmeticError)
"""What evaluating may raise for a value that does not fit."""

_NULL = pa.scalar(None, pa.bool_())


@dataclass(frozen=True)
class _Operand:
    """A compiled expression.

    Attributes:
        type: of its values.
        run: its values for the rows of a batch.
        constant: its value, where that is the same for all rows.
    """

    type: pa.DataType
    run: Run
    constant: pa.Scalar | None = None

    @property
    def side(self) -> Side:
        return Side(self.type, self.constant)


class Evaluator:
    """Predicates, made ready for batches of one schema.

    Args:
        predicates: all must hold. Advisory ones that cannot be evaluated have no effect.
        schema: of the batches; columns are found by name.

    Raises:
        FilterError: a required predicate cannot be evaluated.
    """

    def __init__(self, predicates: Sequence[Predicate], schema: pa.Schema):
        self._conditions: list[tuple[Predicate, Run]] = []
        for predicate in predicates:
            root = predicate.expression
            # Those of a conjunction one by one: a value that one cannot cast may be in a row that another leaves out.
            for condition in root.children if isinstance(root, And) else (root,):
                try:
                    run = _rows(_compile(condition, schema))
                except _FAILURES as error:
                    if predicate.required:
                        raise _failed(predicate, error) from None
                    continue
                self._conditions.append((predicate, run))

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray | None:
        """For each row of ``batch``: true if it is wanted, else false or NULL. None: all rows are.

        Raises:
            FilterError: a required predicate cannot be evaluated, such as a cast that overflows.
        """
        mask: pa.BooleanArray | None = None
        failed = []
        for predicate, run in self._conditions:
            try:
                found = run(batch)
            except _FAILURES:
                if predicate.required:
                    failed.append((predicate, run))
                continue
            mask = found if mask is None else pc.and_kleene(mask, found)
        for predicate, run in failed:
            rows = pa.repeat(True, batch.num_rows) if mask is None else pc.fill_null(mask, False)
            try:
                mask = _where(rows, run, batch, pa.scalar(False, pa.bool_()))
            except _FAILURES as error:
                raise _failed(predicate, error) from None
        return mask

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The wanted rows of ``batch``.

        Raises:
            FilterError: a required predicate cannot be evaluated.
        """
        mask = self.mask(batch)
        if mask is None or (wanted := mask.true_count) == batch.num_rows:
            return batch
        return filtered(batch, mask) if wanted else batch.slice(0, 0)


def filtered(batch: pa.RecordBatch, mask: pa.BooleanArray) -> pa.RecordBatch:
    """The rows of ``batch`` for which ``mask`` is true, whatever types it has."""
    try:
        return batch.filter(mask)
    except pa.ArrowNotImplementedError:  # for views of texts and bytes, also inside of other values
        import numpy as np

        wanted = np.zeros(batch.num_rows + 2, np.int8)
        wanted[1:-1] = to_numpy(pc.fill_null(mask, False))
        edges = np.flatnonzero(np.diff(wanted)).tolist()
        pieces = [batch.slice(start, end - start) for start, end in zip(edges[::2], edges[1::2], strict=True)]
        return pa.concat_batches(pieces) if pieces else batch.slice(0, 0)


def _where(rows: pa.BooleanArray, run: Run, batch: pa.RecordBatch, elsewhere: pa.Scalar) -> pa.BooleanArray:
    """A condition evaluated for some rows of ``batch`` alone."""
    found = run(filtered(batch, rows))
    return pc.replace_with_mask(pa.repeat(elsewhere, batch.num_rows), rows, found)


def _failed(predicate: Predicate, error: Exception) -> FilterError:
    return FilterError(f"the filter {predicate} cannot be applied: {error}")


def _rows(operand: _Operand) -> Run:
    """The values of a condition as BOOLEAN arrays, also where it is constant."""
    to_bool, type_ = plain(operand.type)
    if type_ is None or not pa.types.is_boolean(type_):
        raise FilterError(f"a condition has type {operand.type}")
    if operand.constant is not None:
        value = to_bool(one(operand.constant))[0]
        return lambda batch: pa.repeat(value, batch.num_rows)
    run = operand.run
    return run if pa.types.is_boolean(operand.type) else lambda batch: to_bool(run(batch))


def _compile(expression: Expression, schema: pa.Schema) -> _Operand:
    match expression:
        case Column(name):
            return _column(name, schema)
        case Literal(value):
            return _constant(value)
        case StructField(of, _, index, type_):
            return _computed(type_, lambda x: struct_field(x, index), _compile(of, schema))
        case Comparison(operator, left, right):
            return _comparison(operator, _compile(left, schema), _compile(right, schema))
        case And(children):
            return _combined(pc.and_kleene, False, [_condition(child, schema) for child in children])
        case Or(children):
            return _combined(pc.or_kleene, True, [_condition(child, schema) for child in children])
        case Not(of):
            return _computed(pa.bool_(), pc.invert, _condition(of, schema))
        case IsNull(of, negated):
            return _computed(
                pa.bool_(), (lambda x: pc.invert(is_null(x))) if negated else is_null, _compile(of, schema)
            )
        case In(of, values, negated):
            operand = _compile(of, schema)
            found = membership(operand.type, values)
            return _computed(pa.bool_(), (lambda x: pc.invert(found(x))) if negated else found, operand)
        case Cast(of, type_):
            operand = _compile(of, schema)
            is_bool8 = getattr(type_, "extension_name", "") == "arrow.bool8"
            return _computed(pa.bool_() if is_bool8 else type_, caster(operand.type, type_), operand)
        case Negate(of):
            operand = _compile(of, schema)
            return _computed(operand.type, pc.negate_checked, operand)
        case Arithmetic(operator, left, right):
            return _arithmetic(operator, _compile(left, schema), _compile(right, schema))
        case Call(function, (left, right)):
            return _call(function, _compile(left, schema), _compile(right, schema))
        case Unknown(what):
            raise FilterError(f"this worker does not know the {what}")
    raise AssertionError(expression)


def _condition(expression: Expression, schema: pa.Schema) -> _Operand:
    operand = _compile(expression, schema)
    if pa.types.is_boolean(operand.type):
        return operand
    to_bool, _ = plain(operand.type)
    return _computed(pa.bool_(), to_bool, operand)


def _column(name: str, schema: pa.Schema) -> _Operand:
    places = schema.get_all_field_indices(name)
    if not places:
        raise FilterError(f"the batch has no column '{name}'")
    place = places[0]
    return _Operand(schema.field(place).type, lambda batch: batch.column(place))


def _constant(value: pa.Scalar) -> _Operand:
    return _Operand(value.type, lambda batch: pa.repeat(value, batch.num_rows), value)


def _computed(type_: pa.DataType, function: Callable[[pa.Array], pa.Array], of: _Operand) -> _Operand:
    """A function of one operand; computed once where that is constant."""
    run = of.run
    if of.constant is not None:
        try:
            return _constant(function(one(of.constant))[0])
        except _FAILURES:
            pass  # an error only where there is a row to compute it for
    return _Operand(type_, lambda batch: function(run(batch)))


def _combined(combine: Callable[[Any, Any], Any], decisive: bool, operands: list[_Operand]) -> _Operand:
    """AND and OR; ``decisive`` is the value of an operand that settles the result."""
    runs = [_rows(operand) for operand in operands]

    def run(batch: pa.RecordBatch) -> pa.Array:
        result, failed = None, []
        for operand in runs:
            try:
                found = operand(batch)
            except _FAILURES:
                failed.append(operand)
                continue
            result = found if result is None else combine(result, found)
        for operand in failed:
            # The value that cannot be cast may be in a row that another operand has settled.
            if result is None:
                result = operand(batch)
                continue
            open_ = pc.fill_null(pc.not_equal(result, decisive), True)
            result = combine(result, _where(open_, operand, batch, _NULL))
        return result

    return _Operand(pa.bool_(), run)


def _comparison(operator: Any, left: _Operand, right: _Operand) -> _Operand:
    if left.constant is not None and right.constant is None:
        return _comparison(MIRRORED[operator], right, left)
    if left.constant is not None:
        compare = comparison(operator, Side(left.type), right.side)
        return _constant(compare(one(left.constant), right.constant)[0])
    compare = comparison(operator, left.side, right.side)
    x, y, constant = left.run, right.run, right.constant
    if constant is not None:
        return _Operand(pa.bool_(), lambda batch: compare(x(batch), constant))
    return _Operand(pa.bool_(), lambda batch: compare(x(batch), y(batch)))


def _arithmetic(operator: str, left: _Operand, right: _Operand) -> _Operand:
    kernels = {"add": pc.add_checked, "subtract": pc.subtract_checked, "multiply": pc.multiply_checked}
    kernel = kernels.get(operator)
    numbers = pa.types.is_integer(left.type) or pa.types.is_floating(left.type)
    if kernel is None or not left.type.equals(right.type) or not numbers:
        raise FilterError(f"'{operator}' of {left.type} and {right.type} is not known here")
    x, y = left.run, right.run
    return _Operand(left.type, lambda batch: kernel(x(batch), y(batch)))


def _call(function: str, left: _Operand, right: _Operand) -> _Operand:
    if function == "list_contains":
        return _list_contains(left, right)
    to_left, left_type = plain(left.type)
    to_right, right_type = plain(right.type)
    if left_type != pa.utf8() or right_type != pa.utf8():
        raise FilterError(f"{function} of {left.type} and {right.type} is not known here")
    if right.constant is not None:
        needle = right.constant.as_py()
        if needle is None:
            return _computed(pa.bool_(), lambda x: pa.nulls(len(x), pa.bool_()), left)
        kernel = {"starts_with": pc.starts_with, "ends_with": pc.ends_with, "contains": pc.match_substring}[function]
        return _computed(pa.bool_(), lambda x: kernel(to_left(x), needle), left)
    test = {
        "starts_with": str.startswith,
        "ends_with": str.endswith,
        "contains": str.__contains__,
    }[function]
    x, y = left.run, right.run
    return _Operand(
        pa.bool_(),
        lambda batch: pa.array(
            [
                None if text is None or needle is None else test(text, needle)
                for text, needle in zip(to_left(x(batch)).to_pylist(), to_right(y(batch)).to_pylist(), strict=True)
            ],
            pa.bool_(),
        ),
    )


def _list_contains(left: _Operand, right: _Operand) -> _Operand:
    """True if an element that is not NULL equals the needle; only a NULL list or needle gives NULL."""
    if left.constant is not None and right.constant is None:
        if not left.constant.is_valid:
            return _computed(pa.bool_(), lambda x: pa.nulls(len(x), pa.bool_()), right)
        found = membership(right.type, left.constant.values)
        return _computed(pa.bool_(), lambda x: pc.if_else(is_null(x), _NULL, pc.fill_null(found(x), False)), right)
    compare = comparison("eq", Side(left.type.value_type), right.side)
    if right.constant is None:
        x, y = left.run, right.run
        return _Operand(pa.bool_(), lambda batch: _contain(x(batch), y(batch)))
    if is_null(one(right.constant))[0].as_py():
        return _computed(pa.bool_(), lambda x: pa.nulls(len(x), pa.bool_()), left)

    def contain(lists: pa.Array) -> pa.Array:
        import numpy as np

        starts, ends = spans(lists)
        first = min(starts, default=0)
        elements = lists.values.slice(first, max(ends, default=first) - first)
        equal = to_numpy(pc.fill_null(compare(elements, right.constant), False))
        hits = np.concatenate([[0], np.cumsum(equal)])
        some = hits[np.array(ends, int) - first] > hits[np.array(starts, int) - first]
        return pc.if_else(lists.is_valid(), pa.array(some, pa.bool_()), _NULL)

    return _computed(pa.bool_(), contain, left)


def _contain(lists: pa.Array, needles: pa.Array) -> pa.Array:
    rows = zip(keys(lists), keys(needles), strict=True)
    return pa.array([None if k is None or needle is None else (False, needle) in k for k, needle in rows], pa.bool_())
