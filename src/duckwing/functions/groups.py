"""All groups of an aggregate at once: fields with a number for each group, and the rows of a batch by group.

Group ids repeat within a batch, so ``array[ids] += values`` would count only the last row of each
group. The methods of :class:`Groups` get it right, and remember how a field is changed, so that
merging two groups needs no code.
"""

from __future__ import annotations

import math
import operator
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import pyarrow as pa

from ..errors import DeclarationError, OutputError
from ..types.numpy_views import to_numpy

if TYPE_CHECKING:
    import numpy as np

    from ..state.scope import Arrays

    Array = np.ndarray[Any, Any]

T = TypeVar("T")

_PER_GROUP: Final = "duckwing.per_group"

PerGroup = Annotated[T | Any, _PER_GROUP]
"""``total: PerGroup[int] = 0``: a number for each group, in memory that all processes of the worker share.

The element type is ``int``, ``float``, ``bool`` or a numpy type of fixed size; the default is the
value of a new group.
"""

PUT: Final = "put"


@dataclass(frozen=True)
class Field:
    """A field with a number for each group, as the methods of an aggregate see it.

    Attributes:
        name: its name in the class.
        dtype: type of the numbers.
        default: the number of a new group.
    """

    name: str
    dtype: Any
    default: Any


def per_group_field(name: str, annotation: Any, default: Any, what: str) -> Field | None:
    """The field that an annotation declares; None if it is none of ``PerGroup``.

    Raises:
        DeclarationError: its type or default cannot be.
    """
    if typing.get_origin(annotation) is not Annotated or _PER_GROUP not in typing.get_args(annotation)[1:]:
        return None
    import numpy as np

    element = next((a for a in typing.get_args(typing.get_args(annotation)[0]) if a is not Any), None)
    dtype: Any
    try:
        dtype = np.dtype(element)
    except TypeError:
        dtype = np.dtype(object)
    if element is None or dtype.hasobject or dtype.kind not in "biufc":
        raise DeclarationError(
            f"{what}: field '{name}' is PerGroup of {element!r}; it must be int, float, bool or a numpy type of "
            "fixed size"
        )
    try:
        value = _fitted(
            np.asarray(dtype.type(0) if default is None else default), dtype, f"the default of field '{name}'"
        )
    except (OutputError, OverflowError, ValueError) as error:
        raise DeclarationError(f"{what}: the default {default!r} of field '{name}' is no {dtype}: {error}") from None
    if value.ndim:
        raise DeclarationError(f"{what}: the default of field '{name}' is one number, the value of a new group")
    return Field(name, dtype, value[()])


class Groups:
    """The groups of some rows, and the numbers that fields have for them.

    Attributes:
        ids: the group of each row, int64; groups are numbered from 0. In ``update`` they repeat,
            in ``result`` and ``merge`` they do not.

    Example:
        ```python
        @demo.aggregate
        class mean_of:
            total: dw.PerGroup[float] = 0
            count: dw.PerGroup[int] = 0

            def update(self, groups: dw.Groups, value: pa.DoubleArray) -> None:
                groups.add(self.total, value)
                groups.count(self.count)

            def result(self, groups: dw.Groups) -> pa.DoubleArray:
                return groups.take(self.total) / groups.take(self.count)
        ```
    """

    def __init__(self, ids: Array, arrays: Arrays, what: str, used: set[tuple[str, str]]):
        self.ids = ids
        self._arrays = arrays
        self._what = what
        self._used = used

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, field: PerGroup[Any], values: Any = 1) -> None:
        """Add a value for each row to its group's number.

        Args:
            field: the field.
            values: an array with a value for each row, or one for all. NULLs in it change nothing.

        Raises:
            OverflowError: a sum does not fit the field.
        """
        self._change("add", field, values)

    def count(self, field: PerGroup[Any]) -> None:
        """Add the number of a group's rows to its number.

        Raises:
            OverflowError: it does not fit the field.
        """
        self._change("add", field, 1)

    def min(self, field: PerGroup[Any], values: Any) -> None:
        """Keep the smallest value. The default must be no smaller than any, such as ``math.inf``."""
        self._change("minimum", field, values)

    def max(self, field: PerGroup[Any], values: Any) -> None:
        """Keep the largest value. The default must be no larger than any, such as ``-math.inf``."""
        self._change("maximum", field, values)

    def apply(self, ufunc: np.ufunc, field: PerGroup[Any], values: Any) -> None:
        """Combine each value with its group's number: ``number = ufunc(number, value)``.

        Args:
            ufunc: a function of numpy of two arguments whose order and grouping do not matter,
                such as ``numpy.multiply`` or ``numpy.logical_or``.
            field: the field, whose default must be neutral: 1 for a product.
            values: an array with a value for each row, or one for all. NULLs in it change nothing.

        Raises:
            OutputError: order or grouping do matter.
            OverflowError: a number does not fit the field.
        """
        import numpy as np

        name = getattr(ufunc, "__name__", "")
        if getattr(np, name, None) is not ufunc or (name not in _IDEMPOTENT and not _has_neutral(ufunc)):
            raise OutputError(
                f"{self._what}: apply() takes a function of numpy whose order and grouping do not matter, such as "
                f"numpy.multiply, not {ufunc!r}"
            )
        self._change(name, field, values)

    def take(self, field: PerGroup[Any]) -> Array:
        """The numbers of the rows' groups, a copy."""
        taken: Array = self._arrays[field.name][self.ids]
        return taken

    def put(self, field: PerGroup[Any], values: Any) -> None:
        """Set the numbers of the rows' groups; of several values for a group the last one counts.

        A class that does so must say how two groups merge: ``merge(self, groups, other)``.

        Args:
            field: the field.
            values: an array with a value for each row, or one for all. NULLs in it change nothing.

        Raises:
            OverflowError: a number does not fit the field.
        """
        self._use(PUT, field)
        ids, values = self._rows(values, field)
        self._arrays[field.name][ids] = values

    def _change(self, ufunc: str, field: Field, values: Any) -> None:
        import numpy as np

        self._use(ufunc, field)
        ids, values = self._rows(values, field)
        if not len(ids):
            return
        array = self._arrays[field.name]
        if field.dtype.kind in "iu" and ufunc in _GROWING:
            _check_range(ufunc, ids, array[ids], values, f"{self._what}: a number in field '{field.name}'")
        getattr(np, ufunc).at(array, ids, values)

    def _rows(self, values: Any, field: Field) -> tuple[Array, Any]:
        """The groups that get a value, and the values in the type of the field."""
        import numpy as np

        ids = self.ids
        if not isinstance(values, (np.ndarray, np.generic, bool, int, float, complex, list, pa.Array, pa.ChunkedArray)):
            values = _arrow(values)
        if isinstance(values, (pa.Array, pa.ChunkedArray)):
            self._check_length(values, field)
            if isinstance(values, pa.ChunkedArray):
                values = values.combine_chunks()
            if values.null_count:
                ids, values = ids[to_numpy(values.is_valid())], values.drop_null()
            values = to_numpy(values)
        elif np.ma.isMaskedArray(values) and np.ndim(values):
            self._check_length(values, field)
            ids, values = ids[~np.ma.getmaskarray(values)], values.compressed()
        values = np.asarray(values)
        if values.ndim and len(values) != len(ids):
            self._check_length(values, field)
        return ids, _fitted(values, field.dtype, f"{self._what}: field '{field.name}'")

    def _check_length(self, values: Any, field: Field) -> None:
        if len(values) != len(self.ids):
            raise OutputError(
                f"{self._what}: {len(values)} values for {len(self.ids)} rows or groups in field '{field.name}'"
            )

    def _use(self, change: str, field: Field) -> None:
        if not isinstance(field, Field):
            raise OutputError(f"{self._what}: the first argument must be a PerGroup field, self.…, not {field!r}")
        if (field.name, change) in self._used:
            return
        if change != PUT and change not in _IDEMPOTENT:
            import numpy as np

            neutral = getattr(np, change).identity
            if field.default != neutral:
                raise OutputError(
                    f"{self._what}: the default of field '{field.name}' must be {neutral}, because it is changed with "
                    f"{change} and counts once for each part of a group; take {field.default} in in result()"
                )
        self._used.add((field.name, change))
        self._arrays.mark(f"{field.name}.{change}")


_IDEMPOTENT: Final = frozenset(
    ("minimum", "maximum", "fmin", "fmax", "logical_and", "logical_or", "bitwise_and", "bitwise_or", "gcd", "lcm")
)
"""Functions of numpy that may meet the same default several times."""

_GROWING: Final[Mapping[str, Callable[[int, int], int]]] = {
    "add": operator.add,
    "multiply": operator.mul,
    "lcm": math.lcm,
}
"""Functions whose results may not fit their integer type, where numpy would leave out the highest bits."""


def _has_neutral(ufunc: np.ufunc) -> bool:
    return ufunc.nin == 2 and ufunc.identity is not None


def _arrow(values: Any) -> pa.Array | pa.ChunkedArray:
    """A column of pandas or polars, whose NULLs numpy would take for NaN."""
    if type(values).__module__.partition(".")[0] == "polars":
        return values.to_arrow()
    return pa.array(values, from_pandas=True)


def _fitted(values: Array, dtype: Any, what: str) -> Array:
    """``values`` in another type.

    Raises:
        OutputError: it is of another kind.
        OverflowError: a value does not fit.
    """
    import numpy as np

    if values.dtype == dtype:
        return values
    if dtype.kind in "iu" and values.dtype.kind in "iu":
        limit = np.iinfo(dtype)
        if values.size and not (limit.min <= int(values.min()) and int(values.max()) <= limit.max):
            raise OverflowError(f"{what} has numbers of {dtype}, which {values.min()} to {values.max()} do not fit")
    elif not np.can_cast(values.dtype, dtype, "same_kind"):
        raise OutputError(f"{what} has numbers of {dtype}, not {values.dtype}")
    return values.astype(dtype)


def _check_range(ufunc: str, ids: Array, before: Array, values: Array, what: str) -> None:
    """Compute exactly where the numbers are so large that they might not fit.

    Raises:
        OverflowError: they do not.
    """
    import numpy as np

    limit = np.iinfo(before.dtype)
    largest = max(int(values.max()), -int(values.min()))
    reach = max(int(before.max()), -int(before.min()))
    if ufunc == "add":
        reach += largest * len(ids)
    else:
        # A product with 64 factors or more of at least 2 does not fit any type.
        reach = max(reach, 1) * max(largest, 1) ** min(len(ids), 64)
    if reach <= limit.max:
        return
    combine = _GROWING[ufunc]
    numbers: dict[int, int] = {}
    for group, old, value in zip(
        ids.tolist(), before.tolist(), np.broadcast_to(values, ids.shape).tolist(), strict=True
    ):
        number = numbers[group] = combine(numbers.get(group, old), value)
        if not limit.min <= number <= limit.max:
            raise OverflowError(f"{what} does not fit {limit.dtype}: {number}")
