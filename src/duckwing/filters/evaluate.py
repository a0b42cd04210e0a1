"""Predicates over record batches, in three-valued logic (spec 07, section 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import FilterError
from .cast import caster
from .compare import MIRRORED, Side, comparison, membership, plain
from .keys import is_null, one, struct_field
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
        self._predicates: list[tuple[Predicate, Run]] = []
        for predicate in predicates:
            try:
                run = _rows(_compile(predicate.expression, schema))
            except _FAILURES as error:
                if predicate.required:
                    raise _failed(predicate, error) from None
                continue
            self._predicates.append((predicate, run))

    def mask(self, batch: pa.RecordBatch) -> pa.BooleanArray | None:
        """For each row of ``batch``: true if it is wanted, else false or NULL. None: all rows are.

        Raises:
            FilterError: a required predicate cannot be evaluated, such as a cast that overflows.
        """
        mask: pa.BooleanArray | None = None
        for predicate, run in self._predicates:
            try:
                found = run(batch)
            except _FAILURES as error:
                if predicate.required:
                    raise _failed(predicate, error) from None
                continue
            mask = found if mask is None else pc.and_kleene(mask, found)
        return mask

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The wanted rows of ``batch``.

        Raises:
            FilterError: a required predicate cannot be evaluated.
        """
        mask = self.mask(batch)
        if mask is None or (wanted := mask.true_count) == batch.num_rows:
            return batch
        if wanted == 0:
            return batch.slice(0, 0)
        return batch.filter(mask)


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
            return _combined(pc.and_kleene, [_condition(child, schema) for child in children])
        case Or(children):
            return _combined(pc.or_kleene, [_condition(child, schema) for child in children])
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
            return _computed(type_, caster(operand.type, type_), operand)
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
    if of.constant is not None:
        return _constant(function(one(of.constant))[0])
    run = of.run
    return _Operand(type_, lambda batch: function(run(batch)))


def _combined(combine: Callable[[Any, Any], Any], operands: list[_Operand]) -> _Operand:
    runs = [_rows(operand) for operand in operands]
    first, rest = runs[0], runs[1:]

    def run(batch: pa.RecordBatch) -> pa.Array:
        result = first(batch)
        for other in rest:
            result = combine(result, other(batch))
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
    element = left.type.value_type
    if left.constant is not None and left.constant.is_valid:
        found = membership(right.type, left.constant.values.drop_null())
        return _computed(pa.bool_(), found, right)
    x, y, needle = left.run, right.run, right.constant

    def run(batch: pa.RecordBatch) -> pa.Array:
        lists = x(batch)
        needles = pa.repeat(needle, batch.num_rows) if needle is not None else y(batch)
        valid = pc.and_(lists.is_valid(), needles.is_valid())
        lengths = pc.fill_null(pc.list_value_length(lists), 0)
        import numpy as np

        parents = np.repeat(np.arange(len(lists)), lengths.to_numpy(zero_copy_only=False))
        elements = lists.flatten()
        equal = comparison("eq", Side(element), Side(right.type))(elements, needles.take(pa.array(parents)))
        hits = np.zeros(len(lists), bool)
        hits[parents[pc.fill_null(equal, False).to_numpy(zero_copy_only=False)]] = True
        return pc.if_else(valid, pa.array(hits), pa.scalar(None, pa.bool_()))

    return _Operand(pa.bool_(), run)
