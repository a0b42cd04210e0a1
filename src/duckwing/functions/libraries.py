"""Arrays of NumPy, pandas and polars as arguments and results of functions over batches.

None of them is imported here, so that a worker without them starts without them: an annotation or a
value of a library means that the author has imported it, and ``sys.modules`` has it.

What becomes of NULL:

==============  ==================================  ===================================  =====================
Library         argument without NULLs              argument that takes NULLs            NULL in a result
==============  ==================================  ===================================  =====================
NumPy           ``ndarray``                         ``numpy.ma.MaskedArray``             masked, ``NaT``, None
pandas          NumPy-backed for numbers, BOOLEAN   ``ArrowDtype``                       NaN, ``NaT``, ``NA``,
                and TIMESTAMP, else ``ArrowDtype``                                       None
polars          ``Series``                          ``Series`` with nulls                null
==============  ==================================  ===================================  =====================
"""

from __future__ import annotations

import sys
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from ..errors import ArgumentError, OutputError
from ..types import ANY, INTERVAL, JSON, TIMESTAMP
from ..types.convert import to_duckdb
from ..types.names import sql_name
from ..types.numpy_views import to_numpy
from ..types.values import from_values

if TYPE_CHECKING:
    from .signature import Parameter

Library = Literal["numpy", "numpy.ma", "pandas", "polars"]
"""As arrays of which library an argument is handed over; ``numpy.ma``: always masked."""

_CLASSES: dict[tuple[str, str], Library] = {
    ("numpy", "ndarray"): "numpy",
    ("numpy", "MaskedArray"): "numpy.ma",
    ("pandas", "Series"): "pandas",
    ("polars", "Series"): "polars",
}


def library_of(annotation: Any) -> Library | None:
    """The library whose array an annotation is, such as ``NDArray[np.int64]``; None if it is none."""
    base = typing.get_origin(annotation) or annotation
    package = str(getattr(base, "__module__", "")).partition(".")[0]
    return _CLASSES.get((package, str(getattr(base, "__name__", ""))))


def library_type(annotation: Any) -> pa.DataType | None:
    """The type that an array of a library names: that of its dtype, or ``ANY`` without one.

    None for a dtype that is of no fixed type, such as one of objects.
    """
    arguments = typing.get_args(annotation)
    if len(arguments) != 2:
        return ANY
    [scalar] = typing.get_args(arguments[1]) or (Any,)
    if scalar is Any or isinstance(scalar, typing.TypeVar):
        return ANY
    numpy: Any = sys.modules["numpy"]
    try:
        dtype = numpy.dtype(scalar)
        if dtype.kind in "OUST":
            return None
        if dtype.kind in "mM" and numpy.datetime_data(dtype)[0] == "generic":
            return TIMESTAMP if dtype.kind == "M" else INTERVAL
        return pa.from_numpy_dtype(dtype)
    except (TypeError, pa.ArrowException):
        return None


def argument_converter(
    parameter: Parameter, type: pa.DataType | None = None, *, nulls: bool | None = None
) -> Callable[[pa.Array], Any] | None:
    """What makes the array that a function gets of the Arrow array of its argument; None if that is the same.

    Args:
        parameter: the declaration.
        type: of the Arrow array, if the declaration leaves it open.
        nulls: the argument is handed over with its NULLs; by default what the annotation says.

    Raises:
        ArgumentError: the library has no arrays of that type. The converter raises it, too.
    """
    library = parameter.library
    if library is None:
        return None
    if type is None and not parameter.type.equals(ANY):
        type = parameter.type
    if type is not None:
        refuse_argument(library, type)
    masked = parameter.accepts_none if nulls is None else nulls
    make = {"numpy": _to_numpy, "numpy.ma": _to_masked, "pandas": _to_pandas, "polars": _to_polars}[library]
    name = parameter.name

    def convert(array: pa.Array) -> Any:
        try:
            return make(_storage(array), masked)
        except (ArgumentError, ValueError) as error:
            raise ArgumentError(f"argument '{name}' of type {sql_name(array.type)} cannot be used: {error}") from None

    return convert


def refuse_argument(library: Library, type: pa.DataType) -> None:
    """Refuse a type of which a library has no arrays.

    Raises:
        ArgumentError: it has none.
    """
    if pa.types.is_dictionary(type):
        type = type.value_type
    if library.startswith("numpy"):
        if not _has_numpy_form(type):
            raise ArgumentError(f"{sql_name(type)} has no NumPy form; annotate the parameter with an Arrow array")
    elif library == "polars":
        try:
            _to_polars(_storage(pa.nulls(0, type)), True)
        except Exception:  # polars raises classes of its own, which derive from no common one
            raise ArgumentError(
                f"{sql_name(type)} has no polars form; annotate the parameter with an Arrow array"
            ) from None


def result_array(result: Any, type: pa.DataType, what: str) -> pa.Array:
    """What a function returned, an array of any of the libraries, as an Arrow array of the declared type.

    Args:
        result: the array.
        type: the declared type.
        what: names the array in error messages, such as ``result of f``.

    Raises:
        OutputError: it is no such array, or its values do not fit.
    """
    if not isinstance(result, (pa.Array, pa.ChunkedArray)):
        try:
            result = _to_arrow(result, type, what)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise OutputError(f"{what} must be {sql_name(type)}: {error}") from None
    if isinstance(result, pa.ChunkedArray):
        result = result.combine_chunks()
    return to_duckdb(result, type, what)


def frame_columns(frame: Any, what: str) -> dict[str, Any] | None:
    """The columns of a data frame of pandas or polars by name, None for anything else.

    Raises:
        OutputError: two columns have one name.
    """
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None and isinstance(frame, pandas.DataFrame):
        # Not frame.__arrow_c_stream__(): it makes a column of the index.
        if not frame.columns.is_unique:
            raise OutputError(f"{what} yields a data frame with repeated columns {list(frame.columns)}")
        return {str(name): frame.iloc[:, place] for place, name in enumerate(frame.columns)}
    polars: Any = sys.modules.get("polars")
    if polars is not None and isinstance(frame, polars.DataFrame):
        return {series.name: series for series in frame.get_columns()}
    return None


# Arrow to the libraries


def _has_numpy_form(type: pa.DataType) -> bool:
    return type.equals(ANY) or type.equals(INTERVAL) or _is_object(type) or _is_native(type) or pa.types.is_date32(type)


def _is_native(type: pa.DataType) -> bool:
    """Whether NumPy has the values of ``type`` as they are."""
    is_ = pa.types
    plain = is_.is_boolean(type) or is_.is_integer(type) or is_.is_floating(type)
    return bool(plain or (is_.is_timestamp(type) and type.tz is None))


def _is_object(type: pa.DataType) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_binary(type) or type.equals(JSON))


def _storage(array: pa.Array) -> pa.Array:
    """JSON as the text that it is, and an ENUM as well."""
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    return array.storage if array.type.equals(JSON) else array


def _to_numpy(array: pa.Array, masked: bool) -> Any:
    if masked:
        return _to_masked(array, masked)
    refuse_argument("numpy", array.type)
    if array.type.equals(INTERVAL):
        return _timedeltas(array)
    return to_numpy(array)


def _to_masked(array: pa.Array, _masked: bool) -> Any:
    numpy: Any = sys.modules["numpy"]
    mask = to_numpy(array.is_null())
    if array.null_count and not _is_object(array.type) and not array.type.equals(ANY):
        array = _filled(array)
    return numpy.ma.MaskedArray(_to_numpy(array, False), mask)


def _filled(array: pa.Array) -> pa.Array:
    """``array`` with zeros for NULLs: with NULLs, Arrow makes floats of integers for NumPy."""
    import pyarrow.compute as pc

    type = array.type
    if type.equals(INTERVAL):
        return pc.if_else(array.is_valid(), array, pa.scalar(pa.MonthDayNano([0, 0, 0]), INTERVAL))
    return pc.fill_null(array, pa.scalar(False, type) if pa.types.is_boolean(type) else pa.scalar(0, type))


def _timedeltas(array: pa.Array) -> Any:
    numpy: Any = sys.modules["numpy"]
    if not len(array):
        return numpy.empty(0, "m8[us]")
    parts = numpy.frombuffer(array.buffers()[1], [("months", "i4"), ("days", "i4"), ("nanoseconds", "i8")])
    parts = parts[array.offset : array.offset + len(array)]
    if parts["months"].any():
        raise ValueError("an INTERVAL of months has no timedelta64; annotate with an Arrow array")
    return (parts["days"] * numpy.int64(86_400_000_000) + parts["nanoseconds"] // 1000).view("m8[us]")


def _to_pandas(array: pa.Array, masked: bool) -> Any:
    pandas: Any = sys.modules["pandas"]
    if not masked and _is_native(array.type):
        return pandas.Series(to_numpy(array), copy=False)
    return pandas.Series(pandas.arrays.ArrowExtensionArray(pa.chunked_array([array])))


def _to_polars(array: pa.Array, _masked: bool) -> Any:
    polars: Any = sys.modules["polars"]
    if pa.types.is_fixed_size_list(array.type) and array.offset:
        array = pa.concat_arrays([array])  # polars refuses a slice that has NULLs
    return polars.Series(values=array)


# The libraries to Arrow


def _to_arrow(result: Any, type: pa.DataType, what: str) -> pa.Array | pa.ChunkedArray:
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and isinstance(result, numpy.ndarray):
        return _from_numpy(result, type, what, numpy)
    pandas: Any = sys.modules.get("pandas")
    if pandas is not None and isinstance(result, (pandas.Series, pandas.Index)):
        if result.dtype != object:
            return pa.array(result, from_pandas=True)
        missing = result.isna()
        return from_values([None if gone else v for v, gone in zip(result, missing, strict=True)], type, what)
    polars: Any = sys.modules.get("polars")
    if polars is not None and isinstance(result, polars.Series):
        return _from_polars(result, type)
    if hasattr(result, "__arrow_array__") or hasattr(result, "__arrow_c_array__"):
        return pa.array(result)
    if hasattr(result, "__array__") and numpy is not None:
        return _from_numpy(numpy.asarray(result), type, what, numpy)
    raise OutputError(f"{what} must be an array of Arrow, NumPy, pandas or polars, got {_shown(result)}")


def _from_numpy(result: Any, type: pa.DataType, what: str, numpy: Any) -> pa.Array:
    if result.ndim != 1:
        raise OutputError(f"{what} must be an array of one dimension, got one of shape {result.shape}")
    if result.dtype.kind in "OT":
        return from_values(result.tolist(), type, what)
    if not isinstance(result, numpy.ma.MaskedArray):
        return pa.array(numpy.asarray(result))
    mask = numpy.ma.getmaskarray(result) if numpy.ma.is_masked(result) else None
    return pa.array(numpy.asarray(numpy.ma.getdata(result)), mask=mask)


def _from_polars(result: Any, type: pa.DataType) -> pa.Array | pa.ChunkedArray:
    # The newest form of polars' text is the string view, which older versions of pyarrow cannot cast.
    polars: Any = sys.modules["polars"]
    array = result.to_arrow(compat_level=polars.CompatLevel.oldest())
    if isinstance(type, pa.BaseExtensionType) and pa.types.is_fixed_size_binary(type.storage_type):
        storage = array.storage if isinstance(array, pa.ExtensionArray) else array
        if pa.types.is_large_binary(storage.type):  # polars has no bytes of a fixed number
            return pa.ExtensionArray.from_storage(type, storage.cast(pa.binary()).cast(type.storage_type))
    return array


def _shown(value: Any) -> str:
    return (
        f"{type(value).__module__}.{type(value).__qualname__}"
        if type(value).__module__ != "builtins"
        else (type(value).__name__)
    )
