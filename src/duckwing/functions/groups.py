"""All groups of an aggregate at once: fields with a number for each group, and the rows of a batch by group.

Group ids repeat within a batch, so ``array[ids] += values`` would count only the last row of each
group. The methods of :class:`Groups` get it right, and remember how a field is changed, so that
merging two groups needs no code.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import pyarrow as pa

from ..errors import DeclarationError, OutputError

if TYPE_CHECKING:
    import numpy as np

    from ..state.arrays import SharedArrays

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
    if element is None or dtype.hasobject or dtype.kind not in "biufMmc":
        raise DeclarationError(
            f"{what}: field '{name}' is PerGroup of {element!r}; it must be int, float, bool or a numpy type of "
            "fixed size"
        )
    if default is None:
        default = 0
    try:
        value = np.array(default).astype(dtype, casting="same_kind" if dtype.kind != "b" else "unsafe")
    except TypeError as error:
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

    def __init__(self, ids: Array, arrays: SharedArrays, what: str, used: set[tuple[str, str]]):
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
        if field.dtype.kind in "iu":
            self._add_integers(field, values)
        else:
            self._change("add", field, values)

    def count(self, field: PerGroup[Any]) -> None:
        """Add the number of a group's rows to its number."""
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
        """
        self._change(ufunc.__name__, field, values)

    def take(self, field: PerGroup[Any]) -> Array:
        """The numbers of the rows' groups, a copy."""
        taken: Array = self._arrays[field.name][self.ids]
        return taken

    def put(self, field: PerGroup[Any], values: Any) -> None:
        """Set the numbers of the rows' groups; of several values for a group the last one counts.

        A class that does so must say how two groups merge: ``merge(self, groups, other)``.

        Args:
            field: the field.
            values: an array with a value for each row, or one for all.
        """
        self._use(PUT, field)
        self._arrays[field.name][self.ids] = values.to_numpy(zero_copy_only=False) if _is_arrow(values) else values

    def _change(self, ufunc: str, field: Field, values: Any) -> None:
        import numpy as np

        self._use(ufunc, field)
        ids, values = self._rows(values, field)
        if len(ids):
            getattr(np, ufunc).at(self._arrays[field.name], ids, values)

    def _add_integers(self, field: Field, values: Any) -> None:
        import numpy as np

        self._use("add", field)
        ids, values = self._rows(values, field)
        if not len(ids):
            return
        array = self._arrays[field.name]
        limit = np.iinfo(field.dtype)
        before = array[ids]
        largest = max(int(np.max(values)), -int(np.min(values))) if np.ndim(values) else abs(int(values))
        reach = max(int(before.max()), -int(before.min())) + largest * len(ids)
        if reach > limit.max:
            _check_sums(ids, before, values, limit, f"{self._what}: a sum in field '{field.name}'")
        np.add.at(array, ids, values)

    def _rows(self, values: Any, field: Field) -> tuple[Array, Any]:
        """The groups that get a value, and the values in the type of the field."""
        import numpy as np

        ids = self.ids
        if _is_arrow(values):
            if isinstance(values, pa.ChunkedArray):
                values = values.combine_chunks()
            if values.null_count:
                valid = values.is_valid().to_numpy(zero_copy_only=False)
                ids, values = ids[valid], values.drop_null()
            values = values.to_numpy(zero_copy_only=False)
        elif np.ma.isMaskedArray(values):
            ids, values = ids[~np.ma.getmaskarray(values)], values.compressed()
        if np.ndim(values):
            values = np.asarray(values)
            if len(values) != len(ids):
                raise OutputError(f"{self._what}: {len(values)} values for {len(ids)} rows in field '{field.name}'")
        elif isinstance(values, (bool, int, float)):
            return ids, field.dtype.type(values)
        if values.dtype != field.dtype and not np.can_cast(values.dtype, field.dtype, "same_kind"):
            raise OutputError(f"{self._what}: field '{field.name}' has numbers of {field.dtype}, not {values.dtype}")
        return ids, values

    def _use(self, change: str, field: Field) -> None:
        if not isinstance(field, Field):
            raise OutputError(f"{self._what}: the first argument must be a PerGroup field, self.…, not {field!r}")
        if (field.name, change) not in self._used:
            self._used.add((field.name, change))
            self._arrays.mark(f"{field.name}.{change}")


def _is_arrow(values: Any) -> bool:
    return isinstance(values, (pa.Array, pa.ChunkedArray))


def _check_sums(ids: Array, before: Array, values: Any, limit: Any, what: str) -> None:
    """Add up exactly where the numbers are so large that they might not fit.

    Raises:
        OverflowError: they do not.
    """
    import numpy as np

    sums: dict[int, int] = {}
    for group, old, value in zip(
        ids.tolist(), before.tolist(), np.broadcast_to(values, ids.shape).tolist(), strict=True
    ):
        sums[group] = sums.get(group, old) + value
        if not limit.min <= sums[group] <= limit.max:
            raise OverflowError(f"{what} does not fit {limit.dtype}: {sums[group]}")
