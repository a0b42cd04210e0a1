"""Scans: what is wanted of a table function, and the batches that come of it (spec 05, sections 7 and 8; spec 07)."""

from __future__ import annotations

import dataclasses
import random
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import ArgumentError
from ..filters.build import Condition, find_column, predicates
from ..filters.envelope import SEMANTICS
from ..filters.tree import Predicate
from ..protocol.calls import INIT, GlobalInitResponse, InitRequest, NullOrder, OrderDirection
from ..protocol.functions import FunctionInfo, OrderPreservation
from ..protocol.scans import TABLE_FUNCTION_PLAN, PlanRequest, PlanResponse
from ..rpc.errors import ProtocolError, RpcError
from ..scans.scan import Sample
from .batches import Batches, checked, first
from .caller import OpenStream
from .parallel import gathered
from .session import Session

MAX_PLAN_PAGES = 1024
MAX_SPLITS = 1 << 20
"""A plan with more parts is refused, as DuckDB's extension refuses it (spec 05, section 8.1)."""

OrderBy = str | tuple[str, str] | Sequence[tuple[str, str]]
"""``"n"``, ``("n", "descending")``, or a list of such pairs, as ``pyarrow.Table.sort_by`` takes it."""


@dataclass(frozen=True)
class Wanted:
    """What is wanted of a scan.

    Attributes:
        columns: names of those of the result, in its order; None: all.
        where: what the rows must meet; None: nothing.
        order_by: how the result is sorted, NULL last; None: not at all.
        limit: so many rows at most, after sorting; None: all.
        sample: the part of the rows that is taken, before anything else; None: all. A number is a percentage.
        threads: so many streams are read at the same time, if the function can share its work. The rows of
            different streams then come in any order.
    """

    columns: Sequence[str] | None = None
    where: Condition | None = None
    order_by: OrderBy | None = None
    limit: int | None = None
    sample: float | Sample | None = None
    threads: int = 1

    @property
    def chosen_sample(self) -> Sample | None:
        """The sample, checked."""
        if self.sample is None:
            return None
        sample = self.sample if isinstance(self.sample, Sample) else Sample(float(self.sample))
        if not 0 <= sample.percentage <= 100:
            raise ArgumentError(f"a sample has 0 to 100 percent of the rows, not {sample.percentage:g}")
        return sample

    @property
    def keys(self) -> list[tuple[str, str]]:
        """The keys to sort by."""
        if self.order_by is None:
            return []
        by = self.order_by
        pairs: list[Any] = [(by, "ascending")] if isinstance(by, str) else [by] if isinstance(by, tuple) else list(by)
        for pair in pairs:
            if not (isinstance(pair, tuple) and len(pair) == 2 and pair[1] in ("ascending", "descending")):
                raise ArgumentError(
                    f"order_by= takes a name, or pairs such as ('n', 'ascending') and ('n', 'descending'), not {pair!r}"
                )
        return pairs


def scan(
    session: Session,
    start: InitRequest,
    info: FunctionInfo | None,
    wanted: Wanted,
    visible: Sequence[str] | None = None,
) -> Batches:
    """The rows of a bound table function.

    What the function cannot do by itself is done here: filters, columns, sample, order and limit mean the same in
    any case.

    Args:
        session: where it is called.
        start: the bound call.
        info: what the worker lists of the function; None: nothing.
        wanted: what is wanted.
        visible: the columns that are wanted if none are named; None: all.

    Raises:
        ArgumentError: there is no such column, or a value does not fit one.
    """
    if wanted.threads < 1:
        raise ArgumentError(f"threads= is at least 1, not {wanted.threads}")
    if wanted.limit is not None and wanted.limit < 0:
        raise ArgumentError(f"limit= is at least 0, not {wanted.limit}")
    plan = _Plan.make(start, info, wanted, visible)
    return Batches(plan.result, plan.run(session))


@dataclass(frozen=True, eq=False)
class _Plan:
    """Who does what of a scan.

    Attributes:
        name: of the function.
        start: the init request, with all that the worker does.
        info: what is known of the function.
        sent: the columns that the worker sends.
        result: those of the result.
        wanted: what is wanted.
        here: predicates that are applied here.
        sample: the sample that is taken here.
    """

    name: str
    start: InitRequest
    info: FunctionInfo | None
    sent: pa.Schema
    result: pa.Schema
    wanted: Wanted
    here: tuple[Predicate, ...]
    sample: Sample | None

    @classmethod
    def make(
        cls, start: InitRequest, info: FunctionInfo | None, wanted: Wanted, visible: Sequence[str] | None
    ) -> _Plan:
        """Divide the work."""
        full = start.output_schema
        sample = wanted.chosen_sample
        keys = [(full.names[find_column(full, name)], direction) for name, direction in wanted.keys]
        wanted = dataclasses.replace(wanted, order_by=keys)
        names = wanted.columns if wanted.columns is not None else visible if visible is not None else full.names
        places = [find_column(full, name) for name in names] if names is not full.names else list(range(len(full)))
        conditions = predicates(wanted.where, full)
        # A sample is taken of all rows, so nothing may be filtered before it.
        pushes = info is not None and bool(info.filter_pushdown) and SEMANTICS in info.filter_semantic_profiles
        pushed, here = (conditions, ()) if pushes and sample is None else ((), conditions)
        # Workers count on the columns of pushed filters, too: DuckDB always asks for them (spec 07, section 2).
        needed = dict.fromkeys([*places, *(find_column(full, name) for name, _ in keys), *_places(conditions, full)])
        changes: dict[str, Any] = {}
        if info is not None and info.projection_pushdown and list(needed) != list(range(len(full))):
            changes["projection_ids"] = tuple(needed)
        if pushed:
            from ..filters.encode import encode_snapshot

            changes["pushdown_filters"], sets = encode_snapshot(pushed)
            changes["join_keys"] = sets or None
        if sample is not None and info is not None and info.sampling_pushdown:
            changes |= {"tablesample_percentage": sample.percentage, "tablesample_seed": sample.seed}
            sample = None
        complete = not here and wanted.sample is None
        if wanted.limit is not None and complete and not keys:
            changes["row_limit"] = wanted.limit
        if wanted.limit is not None and complete and keys:
            name, direction = keys[0]
            changes["order_by_column_name"] = name
            changes["order_by_direction"] = OrderDirection.DESC if direction == "descending" else OrderDirection.ASC
            changes["order_by_null_order"] = NullOrder.NULLS_LAST
            changes["order_by_limit"] = wanted.limit
        ids = changes.get("projection_ids")
        sent = full if ids is None else pa.schema([full.field(place) for place in ids])
        return cls(
            name=_function_name(info),
            start=dataclasses.replace(start, **changes),
            info=info,
            sent=sent,
            result=pa.schema([full.field(place) for place in places]),
            wanted=wanted,
            here=here,
            sample=sample,
        )

    def run(self, session: Session) -> Generator[pa.RecordBatch, None, None]:
        """The batches of the result."""
        with closing(self._received(session)) as received:
            batches: Iterable[pa.RecordBatch] = received
            if self.sample is not None:
                batches = _sampled(batches, self.sample)
            if self.here:
                from ..filters.evaluate import Evaluator

                batches = map(Evaluator(self.here, self.sent).apply, batches)
            if self.wanted.keys:
                rows = _sorted(pa.Table.from_batches(batches, self.sent), self.wanted.keys)
                batches = rows.slice(0, self.wanted.limit).to_batches()
            elif self.wanted.limit is not None:
                batches = first(batches, self.wanted.limit)
            for batch in batches:
                yield self._projected(batch)

    def _projected(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if batch.schema.equals(self.result) or not len(self.result):
            return batch
        arrays = [batch.column(self.sent.get_field_index(name)) for name in self.result.names]
        return pa.RecordBatch.from_arrays(arrays, schema=self.result)

    def _received(self, session: Session) -> Generator[pa.RecordBatch, None, None]:
        """What the worker sends, through as many streams as are wanted."""
        if self.info is not None and self.info.supports_splits:
            return self._parts(session)
        if self.wanted.threads > 1:
            return self._shared(session)
        return self._read(session, self.start)

    def _parts(self, session: Session) -> Generator[pa.RecordBatch, None, None]:
        """The parts of a plan, one after the other by each of the threads."""
        tokens, changes, workers = _planned(session, self.start, self.wanted.threads)
        requests = (dataclasses.replace(self.start, split_tokens=(token,), **changes) for token in tokens)
        shared = _Shared(requests)
        threads = max(1, min(self.wanted.threads, workers, len(tokens)))

        def read() -> Iterator[pa.RecordBatch]:
            for request in shared:
                yield from self._read(session, request)

        yield from gathered([read] * threads)

    def _shared(self, session: Session) -> Generator[pa.RecordBatch, None, None]:
        """The streams of one execution, which share its work."""
        stream = session.rpc.open(INIT, self.start)
        header = stream.header
        fixed = (
            self.info is not None
            and self.info.order_preservation is OrderPreservation.FIXED_ORDER
            and not self.info.supports_batch_index
        )
        threads = 1 if fixed else max(1, min(self.wanted.threads, header.max_workers))
        joining = dataclasses.replace(self.start, execution_id=header.execution_id, init_opaque_data=header.opaque_data)
        others = [lambda: self._read(session, joining)] * (threads - 1)
        yield from gathered([lambda: self._batches(stream), *others])

    def _read(self, session: Session, request: InitRequest) -> Generator[pa.RecordBatch, None, None]:
        yield from self._batches(session.rpc.open(INIT, request))

    def _batches(self, stream: OpenStream[GlobalInitResponse]) -> Generator[pa.RecordBatch, None, None]:
        yield from produced(stream, self.sent, self.name)


def produced(
    stream: OpenStream[GlobalInitResponse], schema: pa.Schema, what: str
) -> Generator[pa.RecordBatch, None, None]:
    """The batches of a producer. Leaving them early cancels it."""
    with stream:
        try:
            for batch in stream:
                yield checked(batch.data, schema, what)
        except GeneratorExit:
            with suppress(RpcError):  # what is gone, or has failed, need not be told
                stream.cancel()
            raise


class _Shared(Iterator[InitRequest]):
    """Requests that several threads take, each once."""

    def __init__(self, requests: Iterator[InitRequest]):
        self._requests = requests
        self._lock = threading.Lock()

    def __next__(self) -> InitRequest:
        with self._lock:
            return next(self._requests)


def _planned(session: Session, start: InitRequest, threads: int) -> tuple[list[bytes], dict[str, Any], int]:
    """The tokens of a plan, what goes with each, and how many may be read at once."""
    shared = {
        name: getattr(start, name)
        for name in (
            *("bind_call", "bind_opaque_data", "projection_ids", "pushdown_filters", "join_keys", "row_limit"),
            *("order_by_column_name", "order_by_direction", "order_by_null_order", "order_by_limit"),
            *("tablesample_percentage", "tablesample_seed"),
        )
    }
    tokens: list[bytes] = []
    pages = 0
    workers = threads
    opaque: bytes | None = None
    cursors: list[bytes | None] = [None]
    while cursors:
        pages += 1
        page: PlanResponse = session.rpc.call(
            TABLE_FUNCTION_PLAN, PlanRequest(**shared, min_splits=threads, cursor=cursors.pop(0))
        )
        tokens += [split.token for split in page.splits]
        cursors += page.next_cursors or ()
        opaque = page.init_opaque_data or opaque
        workers = min(workers, page.max_workers or workers)
        if pages > MAX_PLAN_PAGES or len(tokens) > MAX_SPLITS:
            raise ProtocolError(f"the plan of the scan has more than {MAX_PLAN_PAGES} pages or {MAX_SPLITS} parts")
    if not all(tokens):
        raise ProtocolError("the plan of the scan has a part without token")
    # What the order of the whole shall be says nothing of a part (spec 07, section 11).
    unordered = dict.fromkeys(name for name in shared if name.startswith("order_by"))
    return tokens, {"init_opaque_data": opaque, **unordered}, workers


def _sampled(batches: Iterable[pa.RecordBatch], sample: Sample) -> Iterator[pa.RecordBatch]:
    """Each row with the same probability."""
    draw = random.Random(sample.seed)
    for batch in batches:
        yield batch.filter(
            pa.array([draw.random() * 100 < sample.percentage for _ in range(batch.num_rows)], pa.bool_())
        )


def _places(conditions: Iterable[Predicate], columns: pa.Schema) -> list[int]:
    from ..filters.pushed import Filters

    return [columns.get_field_index(name) for name in Filters(tuple(conditions)).columns]


def _function_name(info: FunctionInfo | None) -> str:
    return "the function" if info is None else f"function '{info.name}'"


def _sorted(rows: pa.Table, keys: Sequence[tuple[str, str]]) -> pa.Table:
    """Rows sorted as DuckDB sorts them: NaN is the greatest number, which Arrow puts last in either direction."""
    import pyarrow.compute as pc

    columns: list[pa.ChunkedArray] = []
    order: list[tuple[str, str]] = []
    for name, direction in keys:
        column = rows[name]
        for part in ([pc.is_nan(column)] if pa.types.is_floating(column.type) else []) + [column]:
            order.append((str(len(columns)), direction))
            columns.append(part)
    return rows.take(pc.sort_indices(pa.table(columns, names=[name for name, _ in order]), sort_keys=order))
