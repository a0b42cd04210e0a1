"""Workers that do what those of Duckwing never do: the protocol allows more than one of its users needs."""

from __future__ import annotations

import base64
import dataclasses
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from duckwing.client import AttachedCatalog, WorkerConnection, col
from duckwing.client.sources import Sockets
from duckwing.errors import ArgumentError
from duckwing.functions.arguments import Arguments
from duckwing.protocol import VGI, metadata
from duckwing.protocol.attach import CatalogAttachResult
from duckwing.protocol.calls import BindRequest, BindResponse, GlobalInitResponse, InitRequest
from duckwing.protocol.functions import FunctionInfo, FunctionType, OrderPreservation
from duckwing.protocol.listing import ObjectType
from duckwing.protocol.scans import PlanRequest, PlanResponse, ScanSplit
from duckwing.protocol.shared import Items
from duckwing.rpc.codec import decode, encode
from duckwing.rpc.errors import ProtocolError, RemoteError
from duckwing.rpc.framing import Batch, drive
from duckwing.rpc.server import Server
from duckwing.transports.sockets import SocketStream

COLUMNS = pa.schema([("n", pa.int64()), ("s", pa.utf8())])
_KINDS = {FunctionType.SCALAR: ObjectType.SCALAR_FUNCTION, FunctionType.TABLE: ObjectType.TABLE_FUNCTION}


class Turns:
    """A stream whose batches a function makes."""

    def __init__(
        self,
        answer: Callable[[Batch], pa.RecordBatch | None],
        output: pa.Schema,
        input_schema: pa.Schema | None = None,
        header: GlobalInitResponse | None = None,
    ):
        self.header = header or GlobalInitResponse(b"execution")
        self.input_schema = input_schema
        self.output_schema = output
        self._answer = answer

    def turn(self, batch: Batch) -> Batch | None:
        answer = self._answer(batch)
        return None if answer is None else Batch(answer)

    def close(self) -> None:
        """It holds nothing open."""


class Foreign:
    """A worker made for one test.

    Attributes:
        functions: what it lists.
        columns: what bind answers.
        open: makes the stream of an init.
        binds: the bind requests.
        inits: the init requests.
    """

    def __init__(self) -> None:
        self.functions: list[FunctionInfo] = []
        self.columns = COLUMNS
        self.bound: dict[str, Any] = {}
        self.open: Callable[[InitRequest], Turns] = lambda request: Turns(lambda _: None, self.columns)
        self.plan: Callable[[PlanRequest], PlanResponse] = lambda request: PlanResponse(splits=(), scope="catalog")
        self.binds: list[BindRequest] = []
        self.inits: list[InitRequest] = []
        self._server = Server(
            [
                (
                    VGI,
                    {
                        "catalog_attach": lambda call, request: CatalogAttachResult(b"handle"),
                        "catalog_schema_contents_functions": self._list,
                        "bind": self._bind,
                        "init": self._init,
                        "table_function_plan": lambda call, request: self.plan(request),
                    },
                )
            ]
        )

    def connect(self) -> SocketStream:
        near, far = socket.socketpair()

        def serve() -> None:
            stream = SocketStream(far)
            drive(self._server.session(), stream)
            stream.close()

        threading.Thread(target=serve, daemon=True).start()
        return SocketStream(near)

    def _list(self, call: object, request: Any) -> Items:
        return Items(tuple(encode(f) for f in self.functions if _KINDS[f.function_type] is request.type))

    def _bind(self, call: object, request: BindRequest) -> BindResponse:
        self.binds.append(request)
        return BindResponse(self.columns, **self.bound)

    def _init(self, call: object, request: InitRequest) -> Turns:
        self.inits.append(request)
        return self.open(request)


@pytest.fixture
def foreign() -> Foreign:
    return Foreign()


@pytest.fixture
def catalog(foreign: Foreign) -> Iterator[AttachedCatalog]:
    with WorkerConnection(Sockets(foreign.connect)) as worker:
        yield worker.attach("x")


def table_function(**more: Any) -> FunctionInfo:
    return FunctionInfo(
        name="f",
        schema_path=("main",),
        function_type=FunctionType.TABLE,
        arguments=pa.schema([]),
        output_schema=COLUMNS,
        **more,
    )


def batch(*numbers: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": list(numbers), "s": [str(n) for n in numbers]}, schema=COLUMNS)


def batches(*made: pa.RecordBatch, **header: Any) -> Turns:
    rest = list(made)
    return Turns(lambda _: rest.pop(0) if rest else None, made[0].schema if made else COLUMNS, **header)


# Scans


def test_streams_of_one_execution_share_its_work(foreign: Foreign, catalog: AttachedCatalog) -> None:
    foreign.functions = [table_function()]
    work = [batch(n, n + 1) for n in range(0, 200, 2)]
    lock, together = threading.Lock(), threading.Barrier(3)

    def open_(request: InitRequest) -> Turns:
        first = True

        def turn(_: Batch) -> pa.RecordBatch | None:
            nonlocal first
            if first:
                together.wait(20)
                first = False
            with lock:
                return work.pop(0) if work else None

        return Turns(turn, COLUMNS, header=GlobalInitResponse(b"e1", b"opaque", 3))

    foreign.open = open_
    rows = catalog.scan("f", threads=8).read_all()
    assert sorted(rows["n"].to_pylist()) == list(range(200))
    assert sorted((init.execution_id, init.init_opaque_data) for init in foreign.inits[1:]) == [(b"e1", b"opaque")] * 2
    assert foreign.inits[0].execution_id is None


@pytest.mark.parametrize(
    ("info", "workers"),
    [
        (table_function(order_preservation=OrderPreservation.FIXED_ORDER), 9),
        (table_function(), 1),
        (table_function(), 0),
    ],
)
def test_scans_that_one_thread_reads(
    foreign: Foreign, catalog: AttachedCatalog, info: FunctionInfo, workers: int
) -> None:
    foreign.functions = [info]
    foreign.open = lambda request: batches(batch(1), batch(2), header=GlobalInitResponse(b"e", None, workers))
    assert catalog.scan("f", threads=4).read_all()["n"].to_pylist() == [1, 2]
    assert len(foreign.inits) == 1


def test_what_the_function_cannot_do_is_done_here(foreign: Foreign, catalog: AttachedCatalog) -> None:
    foreign.functions = [table_function(filter_pushdown=True)]  # but with no way to write filters
    foreign.open = lambda request: batches(batch(5, 1, 4), batch(3, 2))
    where = col("n") > 1
    scan = catalog.scan("f", columns=["s"], where=where, order_by=("n", "descending"), limit=3)
    assert scan.read_all().to_pydict() == {"s": ["5", "4", "3"]}
    [init] = foreign.inits
    # A limit would be wrong before the filter, and so would the hint for it.
    assert (init.projection_ids, init.pushdown_filters, init.row_limit, init.order_by_limit) == (None,) * 4


def test_a_limit_and_an_order_are_told(foreign: Foreign, catalog: AttachedCatalog) -> None:
    foreign.functions = [table_function(projection_pushdown=True)]
    foreign.open = lambda request: batches(batch(1, 2, 3).select(["s"]), batch(4).select(["s"]))
    assert catalog.scan("f", columns=["s"], limit=2).read_all().to_pydict() == {"s": ["1", "2"]}
    assert (foreign.inits[0].projection_ids, foreign.inits[0].row_limit) == ((1,), 2)
    catalog.scan("f", columns=["s"], order_by="s", limit=2).read_all()
    assert (foreign.inits[1].order_by_column_name, foreign.inits[1].order_by_limit) == ("s", 2)


def test_plans_have_pages(foreign: Foreign, catalog: AttachedCatalog) -> None:
    foreign.functions = [table_function(supports_splits=True)]

    def plan(request: PlanRequest) -> PlanResponse:
        number = int(request.cursor or b"0")
        splits = tuple(ScanSplit(token=b"%d" % token) for token in (2 * number, 2 * number + 1))
        cursors = {0: (b"1", b"3"), 1: (b"2",)}.get(number, ())
        return PlanResponse(
            splits=splits, next_cursors=cursors, init_opaque_data=b"all", scope="catalog", max_workers=2
        )

    def open_(request: InitRequest) -> Turns:
        [token] = request.split_tokens or ()
        assert (request.execution_id, request.init_opaque_data) == (None, b"all")
        assert request.order_by_column_name is None
        return batches(batch(int(token)))

    foreign.plan, foreign.open = plan, open_
    rows = catalog.scan("f", threads=5, order_by="n", limit=100).read_all()
    assert rows["n"].to_pylist() == list(range(8))


def test_a_plan_without_parts_is_an_empty_result(foreign: Foreign, catalog: AttachedCatalog) -> None:
    foreign.functions = [table_function(supports_splits=True)]
    rows = catalog.scan("f", threads=2).read_all()
    assert (rows.num_rows, rows.schema) == (0, COLUMNS)
    foreign.plan = lambda request: PlanResponse(splits=(ScanSplit(token=b""),), scope="catalog")
    with pytest.raises(ProtocolError, match="a part without token"):
        catalog.scan("f").read_all()


def test_other_columns_than_promised(foreign: Foreign, catalog: AttachedCatalog) -> None:
    foreign.functions = [table_function()]
    wrong = pa.record_batch({"n": pa.array([1], pa.int32()), "s": ["x"]})
    foreign.open = lambda request: batches(wrong)
    message = r"function 'f' sent columns \(n INTEGER, s VARCHAR\) in place of \(n BIGINT, s VARCHAR\)"
    with pytest.raises(ProtocolError, match=message):
        catalog.scan("f").read_all()


def test_listings_that_it_does_not_have(foreign: Foreign, catalog: AttachedCatalog) -> None:
    assert catalog.schemas() == []
    assert [catalog.views("main"), catalog.tables("main"), catalog.macros("main"), catalog.copy_formats()] == [[]] * 4
    with pytest.raises(RemoteError, match="catalog_table_get"):
        catalog.table("t")


# Scalars


def scalar_function(*arguments: pa.Field, result: pa.DataType) -> FunctionInfo:
    return FunctionInfo(
        name="f",
        schema_path=("main",),
        function_type=FunctionType.SCALAR,
        arguments=pa.schema(list(arguments)),
        output_schema=pa.schema([("result", result)]),
    )


def test_constants_go_with_the_bind(foreign: Foreign, catalog: AttachedCatalog) -> None:
    constant = pa.field("digits", pa.int32(), metadata={metadata.CONST: b"true"})
    rest = pa.field("rest", pa.float64(), metadata={metadata.VARARGS: b"true"})
    foreign.functions = [scalar_function(pa.field("x", pa.float64()), constant, rest, result=pa.float64())]
    foreign.columns = foreign.functions[0].output_schema

    def open_(request: InitRequest) -> Turns:
        columns = decode(BindRequest, request.bind_call).input_schema
        return Turns(lambda b: pa.record_batch({"result": b.data.column(0)}), foreign.columns, columns)

    foreign.open = open_
    assert catalog.scalar("f", [1, 2], 3, [4, 5], 6).to_pylist() == [1.0, 2.0]
    [bind] = foreign.binds
    assert [(value.type, value.to_pylist()) for value in Arguments.decode(bind.arguments).positional] == [
        (pa.int32(), [3])
    ]
    assert bind.input_schema == pa.schema([(f"col_{n}", pa.float64()) for n in range(3)])
    assert bind.argument_names == ("x", "digits", None, None)
    with pytest.raises(ArgumentError, match="argument 'digits' must be INTEGER"):
        catalog.scalar("f", [1, 2], [3, 4], [5, 6])


def test_other_results_than_promised(foreign: Foreign, catalog: AttachedCatalog) -> None:
    foreign.functions = [scalar_function(pa.field("x", pa.int64()), result=pa.int64())]
    foreign.columns = foreign.functions[0].output_schema
    input_schema = pa.schema([("col_0", pa.int64())])
    answer = pa.record_batch({"result": [1, 2]})
    foreign.open = lambda request: Turns(lambda _: answer, foreign.columns, input_schema)
    with pytest.raises(ProtocolError, match="function 'f' gave 2 results for 3 rows"):
        catalog.scalar("f", [1, 2, 3])
    foreign.columns = COLUMNS
    with pytest.raises(ProtocolError, match="one column of results, not 2"):
        catalog.scalar("f", [1])


def test_secrets_are_asked_for_once(foreign: Foreign, catalog: AttachedCatalog) -> None:
    foreign.bound = {"lookup_secret_types": ("s3",), "lookup_scopes": (None,), "lookup_names": (None,)}
    with pytest.raises(ProtocolError, match="function 'f' asks for secrets twice"):
        catalog.scan("f")
    assert [bind.resolved_secrets_provided for bind in foreign.binds] == [False, True]


# Row functions


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        (None, "made 3 rows of 2, and does not tell which of which"),
        ([0, 1], "tells the origin of 2 rows, and sent 3"),
        ([0, 1, 2], "made rows of input rows that there are not"),
        ([0, -1, 1], "made rows of input rows that there are not"),
    ],
)
def test_rows_without_origin(
    foreign: Foreign, catalog: AttachedCatalog, parents: list[int] | None, message: str
) -> None:
    text = pa.field("text", pa.utf8())
    foreign.functions = [dataclasses.replace(table_function(input_from_args=True), arguments=pa.schema([text]))]

    class Rows(Turns):
        def turn(self, batch: Batch) -> Batch | None:
            answer = super().turn(batch)
            assert answer is not None
            told = (
                {}
                if parents is None
                else {metadata.PARENT_ROW: base64.b64encode(pa.array(parents, pa.int32()).buffers()[1])}
            )
            return Batch(answer.data, told)

    foreign.open = lambda request: Rows(lambda _: batch(1, 2, 3), COLUMNS, pa.schema([text]))
    assert catalog.row("f", ["a", "b"]).read_all()["n"].to_pylist() == [1, 2, 3]
    with pytest.raises(ProtocolError, match=message):
        catalog.row("f", ["a", "b"], lateral=True).read_all()
