"""Identity functions over columns that a test has drawn.

The environment variable ``DRAWN`` names a folder with ``types``, type names with a zero byte between them, and
``columns.arrow``, a column of values for each of them. The functions are volatile because the client calls
others once for all equal values, and 0.0 equals -0.0.
"""

import os
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa

import duckwing as dw
from duckwing.types import parse
from duckwing.types.convert import from_duckdb
from duckwing.types.values import to_values

folder = Path(os.environ["DRAWN"])
drawn = dw.Catalog("types_drawn")


def _declare(number: int, type: pa.DataType, column: pa.Array) -> None:
    array, value = Annotated[pa.Array, type], Annotated[object, type]

    def batch(value: Any) -> Any:
        assert value.type == type
        value.validate(full=True)
        return value

    def any_batch(value: Any) -> Any:
        return value

    def row(value: Any) -> Any:
        return value

    def rows() -> Any:
        for value in to_values(column):
            yield (value,)

    def columns() -> Any:
        for half in (column.slice(0, len(column) // 2), column.slice(len(column) // 2)):
            yield {"v": half}

    batch.__annotations__ = {"value": array, "return": array}
    any_batch.__annotations__ = {"value": pa.Array, "return": array}
    row.__annotations__ = {"value": value, "return": value}
    drawn.scalar(name=f"batch_{number}", stability="volatile")(batch)
    drawn.scalar(name=f"any_batch_{number}", stability="volatile")(any_batch)
    drawn.scalar(name=f"row_{number}", stability="volatile")(row)
    drawn.table_function(name=f"rows_{number}", columns={"v": type})(rows)
    drawn.table_function(name=f"columns_{number}", columns={"v": type})(columns)


with pa.ipc.open_file(folder / "columns.arrow") as file:
    [table] = [file.get_batch(number) for number in range(file.num_record_batches)]
for number, name in enumerate((folder / "types").read_text(encoding="utf-8").split("\0")):
    given = table.column(number)
    convert = from_duckdb(given.type, parse(name))
    _declare(number, parse(name), given if convert is None else convert(given))
