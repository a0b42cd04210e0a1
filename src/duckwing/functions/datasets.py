"""Folders of Parquet files, and whatever else ``pyarrow.dataset`` reads, as table functions."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import DeclarationError, Error
from ..scans.splits import Split
from ..types.forms import canonical
from .context import Context
from .table import TableFunction, declare_table_function

if TYPE_CHECKING:
    import pyarrow.dataset as ds

    from ..scans.statistics import TableStatistics

ROWS_PER_SPLIT = 1_000_000
"""Row groups of a file are read together up to so many rows, unless there are too few splits then."""

MAX_FILES_WITH_STATISTICS = 1000
"""Of more files the statistics are not collected: their footers would all be read before the query."""

Source = str | os.PathLike[str] | Sequence[str]


@dataclass(frozen=True)
class _Files:
    """What the source consisted of when it was last looked at.

    Attributes:
        states: size and time of the last change of each file, by path; None: the source has no files.
        dataset: all of them.
        fragments: each of them, by path, with what is known of it.
    """

    states: Mapping[str, tuple[int, int]] | None
    dataset: ds.Dataset
    fragments: Mapping[str, Any]


class _Lake:
    """The dataset behind a function; it follows the files as they come, go and change.

    Args:
        source: a dataset, or what ``pyarrow.dataset.dataset`` takes.
        options: what it takes beside.
    """

    def __init__(self, source: Any, options: Mapping[str, Any]):
        self._source = source
        self._options = options
        self._lock = threading.Lock()
        self._files: _Files | None = None

    def files(self) -> _Files:
        """The files of now; what is known of them is kept while they do not change."""
        with self._lock:
            states = self._states()
            if self._files is None or states != self._files.states:
                self._files = self._look(states)
            return self._files

    def known(self) -> _Files:
        """The files as they were last looked at."""
        return self._files or self.files()

    def fragment(self, path: str, state: tuple[int, int] | None) -> Any:
        """One file in the state in which the scan was planned.

        Raises:
            Error: it is gone, or was changed since.
        """
        for files in (self.known(), self.files()):
            if path in files.fragments and (files.states is None or files.states.get(path) == state):
                return files.fragments[path]
        raise Error(f"the file '{path}' was changed or removed while it was read; run the query again")

    def _look(self, states: Mapping[str, tuple[int, int]] | None) -> _Files:
        import pyarrow.dataset as ds

        dataset = self._source
        if not isinstance(dataset, ds.Dataset):
            dataset = ds.dataset(self._source, **self._options)
        fragments = {fragment.path: fragment for fragment in dataset.get_fragments() if hasattr(fragment, "path")}
        return _Files(states, dataset, fragments)

    def _states(self) -> dict[str, tuple[int, int]] | None:
        """The files of the source, and what shows that one was changed."""
        from pyarrow import fs

        filesystem = self._options.get("filesystem")
        if isinstance(self._source, (str, os.PathLike)):
            path = os.fspath(self._source)
            if filesystem is None:
                filesystem, path = fs.FileSystem.from_uri(path) if "://" in path else (fs.LocalFileSystem(), path)
            selected: Any = path
            if filesystem.get_file_info(path).type is fs.FileType.Directory:
                selected = fs.FileSelector(path, recursive=True)
        elif hasattr(self._source, "get_fragments"):
            filesystem, selected = getattr(self._source, "filesystem", None), getattr(self._source, "files", None)
            if filesystem is None or selected is None:
                return None
        else:
            filesystem, selected = filesystem or fs.LocalFileSystem(), [os.fspath(path) for path in self._source]
        found = filesystem.get_file_info(selected)
        return {f.path: (f.size, f.mtime_ns) for f in (found if isinstance(found, list) else [found]) if f.is_file}


def dataset(
    source: Source | ds.Dataset,
    *,
    name: str = "scan",
    format: Any = "parquet",
    partitioning: Any = "hive",
    filesystem: Any = None,
    **options: Any,
) -> TableFunction[..., Any]:
    """A table function over files that ``pyarrow.dataset`` reads, with everything pushed down.

    Only the columns that a query needs are read, only the files and row groups that can have rows it wants, in
    splits that all of DuckDB's threads and any number of processes share. DuckDB gets the number of rows and the
    bounds of the columns from the files' metadata, and the partition columns of their folders. Files may come and
    go while the worker runs; the columns stay those of the first look.

    Args:
        source: a folder, a file, a list of files, a URI, or a ``pyarrow.dataset.Dataset``.
        name: name of the function in SQL.
        format: ``"parquet"``, ``"csv"``, ``"feather"``, …, as for ``pyarrow.dataset.dataset``.
        partitioning: how folders name values: ``"hive"`` (``year=2024/``), or a ``pyarrow.dataset.Partitioning``.
        filesystem: a ``pyarrow.fs.FileSystem``.
        options: of :func:`duckwing.table_function`, such as ``cache``, ``comment`` and ``examples``.

    Raises:
        DeclarationError: an option cannot be.

    Example:
        ```python
        lake = dw.Catalog("lake")
        lake.table("orders", dw.dataset("data/orders", name="scan_orders"))
        ```
    """
    if isinstance(source, (str, os.PathLike)) or (isinstance(source, Sequence) and not isinstance(source, bytes)):
        about = {"format": format, "partitioning": partitioning, "filesystem": filesystem}
        lake = _Lake(source, {key: value for key, value in about.items() if value is not None})
    elif hasattr(source, "get_fragments"):
        lake = _Lake(source, {})
    else:
        raise DeclarationError(f"dataset '{name}' reads a path, paths or a pyarrow dataset, not {source!r:.80}")

    class Scan:
        """Read files."""

        def __init__(self, *, ctx: Context):
            self._ctx = ctx

        def plan(self) -> Iterator[Split]:
            return _plan(lake, self._ctx)

        def scan(self, part: Any) -> Iterator[pa.RecordBatch]:
            return _read(lake, part, self._ctx)

    return declare_table_function(
        Scan,
        name=name,
        columns=lambda: _columns(lake),
        partition_by=lambda: _partition_columns(lake),
        statistics=lambda: _statistics(lake),
        **options,
    )


def _columns(lake: _Lake) -> pa.Schema:
    schema = lake.files().dataset.schema
    return pa.schema([pa.field(field.name, canonical(field.type)) for field in schema])


def _partition_columns(lake: _Lake) -> Sequence[str]:
    """The columns whose values the folders name: within a file they have one value."""
    # They are asked for right after the columns of the same bind, for which the files were looked at.
    partitioning = getattr(lake.known().dataset, "partitioning", None)
    return () if partitioning is None else tuple(partitioning.schema.names)


def _statistics(lake: _Lake) -> TableStatistics | None:
    files = lake.files()
    if len(files.fragments) > MAX_FILES_WITH_STATISTICS:
        return None
    from ..scans.measuring import statistics_of

    return statistics_of(files.dataset)


def _plan(lake: _Lake, ctx: Context) -> Iterator[Split]:
    """The parts to read: row groups of files that can have wanted rows."""
    files = lake.files()
    wanted = ctx.filters.to_pyarrow().expression
    if not files.fragments:
        yield Split(None)
        return
    for fragment in files.dataset.get_fragments(filter=wanted):
        if not hasattr(fragment, "row_groups"):
            yield Split((fragment.path, _state(files, fragment.path), None))
            continue
        fragment = files.fragments[fragment.path]
        groups = fragment.split_by_row_group(filter=wanted, schema=files.dataset.schema)
        for part in _grouped([group.row_groups[0] for group in groups], _most_rows(ctx)):
            ids = [group.id for group in part]
            value = (fragment.path, _state(files, fragment.path), ids)
            yield Split(value, rows=sum(group.num_rows for group in part), exact=not ctx.filters)


def _state(files: _Files, path: str) -> tuple[int, int] | None:
    return None if files.states is None else files.states.get(path)


def _most_rows(ctx: Context) -> int:
    return ROWS_PER_SPLIT // min(ctx.min_splits, 8)


def _grouped(groups: Sequence[Any], rows: int) -> Iterator[list[Any]]:
    """``groups`` in runs of about so many rows."""
    run: list[Any] = []
    for group in groups:
        run.append(group)
        if sum(g.num_rows for g in run) >= rows:
            yield run
            run = []
    if run:
        yield run


def _read(lake: _Lake, part: Any, ctx: Context) -> Iterator[pa.RecordBatch]:
    """The rows of one part, of the columns that the query needs."""
    source = lake.known().dataset
    schema = source.schema
    if part is not None:
        path, state, ids = part
        source = lake.fragment(path, state)
        ctx.measure("files")
        if ids is not None:
            source = source.subset(row_group_ids=ids)
            ctx.measure("row groups", len(ids))
            ctx.measure("bytes", _bytes(source, ids, {*ctx.columns}))
    # A file does not know the columns of the dataset, which may have more of them.
    options = {} if part is None else {"schema": schema}
    wanted = ctx.filters.to_pyarrow().expression
    yield from source.scanner(columns=list(ctx.columns), filter=wanted, **options).to_batches()


def _bytes(fragment: Any, ids: Sequence[int], columns: set[str]) -> int:
    """How many bytes the columns take in the row groups, compressed."""
    return sum(
        group.column(place).total_compressed_size
        for group in map(fragment.metadata.row_group, ids)
        for place in range(group.num_columns)
        if group.column(place).path_in_schema.split(".")[0] in columns
    )
