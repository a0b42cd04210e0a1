"""Cheap functions of whole columns: the time goes into moving them."""

import pyarrow as pa
import pyarrow.compute as pc

import duckwing as dw

# Not a bare 2: without a type pyarrow infers one at every call, which takes longer than the multiplication.
TWO = pa.scalar(2, pa.int64())

columns = dw.Catalog("columns")


@columns.scalar
def times_two(value: pa.Int64Array) -> pa.Int64Array:
    return pc.multiply(value, TWO)


@columns.scalar
def upper_case(value: pa.StringArray) -> pa.StringArray:
    return pc.utf8_upper(value)
