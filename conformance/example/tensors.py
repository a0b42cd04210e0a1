"""Tensors as structs: ``nest_tensor`` makes one of cells with coordinates, ``unnest_tensor`` takes it apart.

A tensor is a struct of ``tensor``, lists nested as deep as there are axes, and ``axes``, a struct with the
coordinates along each.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pyarrow as pa

from duckwing.types import LIST, STRUCT

from .catalog import example

MAX_CELLS = int(os.environ.get("VGI_NEST_TENSOR_MAX_CELLS", "10000000"))


class NestTensorError(Exception):
    """Cells that do not make a tensor."""


def tensor_type(value: pa.DataType, axes: pa.DataType) -> pa.DataType:
    """The type of a tensor.

    Args:
        value: the type of its cells.
        axes: the struct of their coordinates.

    Raises:
        NestTensorError: the coordinates cannot be.
    """
    if not pa.types.is_struct(axes) or not axes.num_fields:
        raise NestTensorError(f"nest_tensor: the axes must be a struct of coordinates, got {axes}")
    for axis in axes:
        if pa.types.is_floating(axis.type):
            raise NestTensorError(f"nest_tensor: axis '{axis.name}' is floating-point; its coordinates are not exact")
        if pa.types.is_nested(axis.type):
            raise NestTensorError(f"nest_tensor: axis '{axis.name}' is {axis.type}; coordinates are single values")
    tensor = value
    for _ in axes:
        tensor = LIST(tensor)
    return STRUCT({"tensor": tensor, "axes": STRUCT({axis.name: LIST(axis.type) for axis in axes})})


def no_tensor(type: pa.DataType) -> dict[str, Any]:
    """A tensor without cells."""
    return {"tensor": [], "axes": {axis.name: [] for axis in type.field("axes").type}}


@example.aggregate(returns=tensor_type, empty=no_tensor, nulls="pass", order_dependent=False, distinct_dependent=False)
class nest_tensor:  # noqa: N801
    """A tensor of the cells of a group.

    Args:
        value: the cells
        axes: the coordinates of each, a struct with a field for each axis
    """

    names: tuple[str, ...]
    cells: dict[tuple[Any, ...], Any]

    def __init__(self) -> None:
        self.names = ()
        self.cells = {}

    def update(self, value: pa.Array, axes: pa.Array) -> None:
        self.names = tuple(axis.name for axis in axes.type)
        coordinates = axes.to_pylist()
        for cell, place in zip(value.to_pylist(), coordinates, strict=True):
            if place is None:
                continue
            for name in self.names:
                if place[name] is None:
                    raise NestTensorError(f"nest_tensor: null coord value for axis '{name}' (a NULL has no place)")
            self._put(tuple(place[name] for name in self.names), cell)

    def merge(self, other: Self) -> None:
        self.names = self.names or other.names
        for place, cell in other.cells.items():
            self._put(place, cell)

    def result(self) -> dict[str, Any]:
        axes = [sorted({place[axis] for place in self.cells}) for axis in range(len(self.names))]
        count = math.prod(map(len, axes))
        if count > MAX_CELLS:
            raise NestTensorError(f"nest_tensor: {count} cells are more than VGI_NEST_TENSOR_MAX_CELLS = {MAX_CELLS}")
        return {"tensor": self._nested((), axes), "axes": dict(zip(self.names, axes, strict=True))}

    def _put(self, place: tuple[Any, ...], cell: Any) -> None:
        if place in self.cells:
            raise NestTensorError(f"nest_tensor: duplicate coordinate {dict(zip(self.names, place, strict=True))}")
        self.cells[place] = cell

    def _nested(self, place: tuple[Any, ...], axes: Sequence[list[Any]]) -> Any:
        if not axes:
            return self.cells.get(place)
        return [self._nested((*place, coordinate), axes[1:]) for coordinate in axes[0]]


def cell_type(tensor: pa.DataType) -> pa.DataType:
    """The struct of a cell and its coordinates.

    Raises:
        TypeError: ``tensor`` is none.
    """
    if not pa.types.is_struct(tensor):
        raise TypeError(f"unnest_tensor: the tensor must be a struct, got {tensor}")
    fields = {field.name: field.type for field in tensor}
    if "tensor" not in fields or "axes" not in fields:
        raise TypeError(f"unnest_tensor: the struct must have the fields 'tensor' and 'axes', got {list(fields)}")
    axes, value = fields["axes"], fields["tensor"]
    if not pa.types.is_struct(axes) or not axes.num_fields or not all(pa.types.is_list(axis.type) for axis in axes):
        raise TypeError(f"unnest_tensor: 'axes' must be a struct of lists, got {axes}")
    depth = 0
    while pa.types.is_list(value):
        depth, value = depth + 1, value.value_type
    if depth != axes.num_fields:
        raise TypeError(
            f"unnest_tensor: the nesting depth of 'tensor' is {depth}, but there are {axes.num_fields} axes"
        )
    return STRUCT({"value": value, "axes": STRUCT({axis.name: axis.type.value_type for axis in axes})})


def cells_of(tensor: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each cell with its coordinates, those of the last axis fastest."""
    axes = tensor["axes"] or {}
    for places in itertools.product(*(enumerate(axis or ()) for axis in axes.values())):
        cell = tensor["tensor"]
        for index, _ in places:
            cell = None if cell is None or index >= len(cell) else cell[index]
        yield {"value": cell, "axes": dict(zip(axes, (coordinate for _, coordinate in places), strict=True))}


@example.scalar(returns=lambda tensor: LIST(cell_type(tensor)))
def unnest_tensor(tensor: pa.Array) -> pa.Array:
    """The cells of a tensor with their coordinates.

    Args:
        tensor: a struct as nest_tensor makes it
    """
    return pa.array([list(cells_of(one)) for one in tensor.to_pylist()], LIST(cell_type(tensor.type)))


@example.table_in_out(
    columns=lambda data: dict(zip(("value", "axes"), (f.type for f in only_cell(data)), strict=True)), projection=False
)
def unnest_tensor_rows(data: pa.RecordBatch) -> Iterator[dict[str, pa.Array]]:
    """The cells of tensors with their coordinates, one in a row.

    Args:
        data: one column of structs as nest_tensor makes them
    """
    cell = only_cell(data.schema)
    cells = pa.array([c for one in data.column(0).to_pylist() if one is not None for c in cells_of(one)], cell)
    yield {"value": cells.field("value"), "axes": cells.field("axes")}


def only_cell(columns: pa.Schema) -> pa.DataType:
    """The struct of a cell and its coordinates, of a table whose only column has tensors.

    Raises:
        TypeError: it is no such table.
    """
    if len(columns) != 1:
        raise TypeError(f"unnest_tensor_rows: expected exactly one column, which must be a struct, got {columns.names}")
    return cell_type(columns.field(0).type)
