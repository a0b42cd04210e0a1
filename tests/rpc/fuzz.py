"""Hostile bytes against sessions, clients and decoders: ``python -m tests.rpc.fuzz``.

Real recorded bytes are mutated, and whatever comes out must be answered with complete streams or refused:
no exception out of the core, no crash of the process, no hang, no unbounded memory. Inputs are numbered; the
seed and the number of an input are all it takes to make it again (``--only``). They run in a child process,
so that a crash of the interpreter is reported like any other failure.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import multiprocessing
import random
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from duckwing.errors import Error
from duckwing.rpc import keys
from duckwing.rpc.call import Call
from duckwing.rpc.client import Client
from duckwing.rpc.codec import decode, encode
from duckwing.rpc.errors import CodecError, MalformedMessage
from duckwing.rpc.framing import Batch, MemoryStream, drive, stream_buffers
from duckwing.rpc.method import REQUEST_SCHEMA, NoParams, Protocol, stream
from duckwing.rpc.reflection import DESCRIBE, LIST_PROTOCOLS, REFLECTION, DescribeParams
from duckwing.rpc.server import Server

from . import toy

HANG = 20.0
"""Seconds after which an input counts as a hang; inputs take less than a millisecond."""

MEMORY = 3 << 30
"""Address space of the child process, in bytes."""

CHUNK = 25_000
"""Inputs that one child process runs before a fresh one takes over."""


# What is mutated


def wide_batch() -> pa.RecordBatch:
    """Four rows of every kind of type whose bytes can be inconsistent."""
    union_types = pa.array([0, 1, 0, 1], pa.int8())
    columns: dict[str, pa.Array] = {
        "utf8": pa.array(["a", None, "\N{DUCK}", ""]),
        "binary": pa.array([b"a", None, b"\xff", b""], pa.large_binary()),
        "bool": pa.array([True, None, False, True]),
        "list": pa.array([["x", None], [], None, ["y"]], pa.list_(pa.utf8())),
        "fixed": pa.array([[1, 2], None, [3, 4], [5, 6]], pa.list_(pa.int16(), 2)),
        "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}, {"a": 2, "b": "y"}]),
        "map": pa.array([[("k", 1)], [], None, [("l", None)]], pa.map_(pa.utf8(), pa.int32())),
        "dictionary": pa.array(["p", "q", None, "p"]).dictionary_encode(),
        "nested": pa.array([["p"], ["q", "p"], None, []], pa.list_(pa.dictionary(pa.int8(), pa.utf8()))),
        "decimal": pa.array([1, None, 2, 3], pa.decimal128(10, 2)),
        "time": pa.array([0, 1, None, 2**40], pa.timestamp("us", "UTC")),
        "null": pa.nulls(4),
        "view": pa.array(["short", "longer than twelve bytes", None, ""], pa.string_view()),
        "list_view": pa.array([[1], [], None, [2, 3]], pa.list_view(pa.int32())),
        "runs": pa.RunEndEncodedArray.from_arrays(pa.array([2, 4], pa.int32()), pa.array(["r", "s"])),
        "dense": pa.UnionArray.from_dense(
            union_types, pa.array([0, 0, 1, 1], pa.int32()), [pa.array([1, 2]), pa.array(["u", "v"])]
        ),
        "sparse": pa.UnionArray.from_sparse(union_types, [pa.array([1, 2, 3, 4]), pa.array(["u", "v", "w", "x"])]),
        "uuid": pa.array([b"0123456789abcdef"] * 4, pa.uuid()),
        "tensor": pa.ExtensionArray.from_storage(
            pa.fixed_shape_tensor(pa.int8(), [2]), pa.array([[1, 2]] * 4, pa.list_(pa.int8(), 2))
        ),
    }
    return pa.record_batch(columns)


TAKE = stream("take", toy.Double, header=toy.Opened)
TAKER = Protocol("toy.taker", "", {"take": TAKE})


class Taking:
    """Takes batches of any schema and does what user code would do with them."""

    header = toy.Opened("taking")
    input_schema = None
    output_schema = toy.NUMBERS

    def turn(self, batch: Batch) -> Batch | None:
        """Look at every value, and write the batch again."""
        data = batch.data
        if data.num_rows <= 1000:
            with contextlib.suppress(UnicodeDecodeError, ValueError, KeyError, OverflowError, TypeError):
                data.to_pylist()
        with contextlib.suppress(pa.ArrowException):
            list(stream_buffers(data.schema, [Batch(data, {b"again": b"1"})]))
        return Batch(pa.record_batch([pa.array([data.num_rows])], schema=toy.NUMBERS))

    def close(self) -> None:
        """Nothing to close."""


def server() -> Server:
    """The toy, and a method that takes any batch."""
    hosted = list(toy.Toy().server().hosted().values())
    handlers: dict[str, Callable[[Call, Any], Any]] = {"take": lambda call, request: Taking()}
    made = Server([*(pair for pair in hosted if pair[0] is not REFLECTION), (TAKER, handlers)])
    made.server_id = "0123456789ab"  # recordings must be the same every time
    return made


class Corpus(NamedTuple):
    """Recorded bytes.

    Attributes:
        sessions: what clients sent to the server.
        answers: pairs of what a client does and what the server answered it.
        records: encoded ``Everything`` records.
    """

    sessions: list[bytes]
    answers: list[tuple[Callable[[Client], object], Protocol, bytes]]
    records: list[bytes]


def corpus() -> Corpus:
    """Record everything that is mutated."""
    pairs = pa.record_batch([pa.array([1, None, 3]), pa.array(["a", "b", None])], schema=toy.PAIRS)
    wide = wide_batch()
    plain = wide.select([name for name in wide.schema.names if name not in ("dictionary", "nested")])
    strings = wide.select(["utf8", "binary", "view", "list", "map"])
    take = toy.request(TAKE, toy.Double(), PROTOCOL=TAKER.name.encode())
    reflect = {"PROTOCOL": REFLECTION.name.encode(), "PROTOCOL_VERSION": None}
    counting = toy.request(toy.COUNT, toy.Count(2))
    sessions = [
        toy.request(toy.ADD, toy.Add(1, 2)),
        toy.request(toy.ECHO, toy.everything()),
        toy.request(toy.MIDDLE, toy.Add(1, 2), REQUEST_ID=b"0123456789abcdef"),
        toy.request(LIST_PROTOCOLS, NoParams(), **reflect),
        toy.request(DESCRIBE, DescribeParams(toy.TOY.name), **reflect),
        counting + toy.ticks(3),
        counting + toy.batches(pa.record_batch([], schema=pa.schema([])), metadata={keys.CANCEL: b"1"}),
        toy.request(toy.DOUBLE, toy.Double()) + toy.batches(pairs, pairs, metadata={b"key": b"value"}),
        toy.request(toy.DOUBLE, toy.Double()) + toy.batches(pairs.select(["label", "x"])),
        take + toy.batches(wide, wide.slice(1, 2)),
        take + toy.batches(wide.select(["dictionary", "nested"]), wide.select(["dictionary", "nested"])),
        take + toy.batches(plain),
        take + toy.batches(strings, strings),
        *(take + toy.batches(wide.select([name])) for name in wide.schema.names),
    ]
    calls: list[tuple[Callable[[Client], object], Protocol]] = [
        (lambda client: client.call(toy.ADD, toy.Add(1, 2)), toy.TOY),
        (lambda client: client.call(toy.ECHO, toy.everything()), toy.TOY),
        (lambda client: client.call(toy.MIDDLE, toy.Add(1, 2)), toy.TOY),
        (lambda client: client.call(toy.FAIL, toy.Fail("own")), toy.TOY),
        (lambda client: client.call(DESCRIBE, DescribeParams(toy.TOY.name)), REFLECTION),
        (_count, toy.TOY),
    ]
    host = server()
    answers = []
    for call, protocol in calls:
        sent = _Recorder(host)
        with contextlib.suppress(Error):
            call(Client(sent, protocol))
        answers.append((call, protocol, sent.answer))
    records = [encode(toy.everything()), encode(toy.everything(words=(), counts={}, note="n", color=toy.Color.RED))]
    return Corpus(sessions, answers, records)


def _count(client: Client) -> object:
    with client.open(toy.COUNT, toy.Count(2)) as opened:
        return [batch.data.to_pylist() for batch in opened]


class _Recorder:
    """A connection to a session that runs in step with its client; keeps what it answered."""

    def __init__(self, host: Server):
        self._core = host.session()
        self._effect: Any = next(self._core)
        self._unread = bytearray()
        self._unsent = bytearray()
        self.answer = b""

    def write(self, buffers: list[Any]) -> None:
        self._unsent += toy.joined(buffers)
        while True:
            if isinstance(self._effect, list):
                data = toy.joined(self._effect)
                self.answer += data
                self._unread += data
                self._effect = self._core.send(b"")
            elif len(self._unsent) >= self._effect:
                piece = bytes(self._unsent[: self._effect])
                del self._unsent[: self._effect]
                self._effect = self._core.send(piece)
            else:
                return

    def read(self, size: int) -> bytes:
        piece = bytes(self._unread[:size])
        del self._unread[:size]
        return piece


# How it is mutated

Mutation = Callable[[random.Random, bytearray, Sequence[bytes]], None]

EXTREMES = (
    0,
    1,
    2,
    7,
    8,
    255,
    1 << 15,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    (1 << 62),
    (1 << 63) - 1,
    -1,
    -8,
)


def flip_bits(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Flip one to eight bits."""
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def set_bytes(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Overwrite some bytes with random ones."""
    at, count = rng.randrange(len(data)), rng.choice((1, 1, 2, 4, 8, 32))
    count = min(count, len(data) - at)
    data[at : at + count] = rng.randbytes(count)


def set_length(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Set an aligned integer to an extreme, or move it a little."""
    for _ in range(rng.choice((1, 1, 1, 3))):
        size = rng.choice((2, 4, 4, 8, 8))
        at = rng.randrange(len(data)) // size * size
        _set_integer(rng, data, at, size, (len(data),))


def set_layout(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Change what a batch says of its columns: a length, a null count, or where a buffer lies.

    These numbers fill the end of a message's header, and survive the check of the header's structure.
    """
    start, header, end = _batch(rng, data)
    if header - start >= 64:
        at = rng.randrange(start + 8 + (header - start) // 2, header - 7) // 8 * 8
        _set_integer(rng, data, at, 8, (end - header, end - header + 1))


def set_value(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Change an integer in the body of a batch: an offset, an index, a run's end, a type code."""
    _start, header, end = _batch(rng, data)
    size = rng.choice((1, 4, 4, 8))
    if end - header >= size:
        _set_integer(rng, data, header + rng.randrange(end - header) // size * size, size, ())


def _batch(rng: random.Random, data: bytearray) -> tuple[int, int, int]:
    """Where one of the messages behind the first begins, where its body begins, and where it ends."""
    starts = _messages(data)
    if len(starts) < 3:
        return len(data), len(data), len(data)
    which = rng.randrange(1, len(starts) - 1)
    start, end = starts[which], starts[which + 1]
    return start, min(end, start + 8 + int.from_bytes(data[start + 4 : start + 8], "little")), end


def _set_integer(rng: random.Random, data: bytearray, at: int, size: int, values: Sequence[int]) -> None:
    now = int.from_bytes(data[at : at + size], "little")
    near = now + rng.choice((-8, -4, -1, 1, 4, 8))
    new = rng.choice((near, rng.choice(EXTREMES), rng.choice((*values, near))))
    if at + size <= len(data):
        data[at : at + size] = (new % (1 << 8 * size)).to_bytes(size, "little")


def truncate(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Cut the end off."""
    del data[rng.randrange(len(data)) :]


def remove(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Cut a piece out."""
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 4, 8, 16, 64, 256))]


def insert(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Insert random bytes."""
    at = rng.randrange(len(data) + 1)
    data[at:at] = rng.randbytes(rng.choice((1, 4, 8, 16, 64)))


def duplicate(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Repeat a piece, or a whole message."""
    starts = _messages(data)
    if len(starts) > 2 and rng.random() < 0.7:
        first = rng.randrange(len(starts) - 1)
        piece = data[starts[first] : starts[first + 1]]
        at = rng.choice(starts)
    else:
        at = rng.randrange(len(data))
        piece = data[at : at + rng.choice((1, 8, 64, 512))]
    data[at:at] = piece


def splice(rng: random.Random, data: bytearray, others: Sequence[bytes]) -> None:
    """Replace messages by messages of another recording."""
    other = rng.choice(others)
    starts, theirs = _messages(data), _messages(other)
    if len(starts) < 2 or len(theirs) < 2:
        return
    first, foreign = rng.randrange(len(starts) - 1), rng.randrange(len(theirs) - 1)
    data[starts[first] : starts[first + 1]] = other[theirs[foreign] : theirs[foreign + 1]]


def _messages(data: bytes | bytearray) -> list[int]:
    """Where Arrow messages begin, as far as the continuation marks tell, and the end."""
    starts, at = [], 0
    while (at := data.find(b"\xff\xff\xff\xff", at)) >= 0:
        starts.append(at)
        at += 8
    return [*starts, len(data)]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    flip_bits,
    set_bytes,
    set_bytes,
    set_length,
    set_length,
    set_layout,
    set_layout,
    set_layout,
    set_layout,
    set_value,
    set_value,
    set_value,
    set_value,
    truncate,
    remove,
    insert,
    duplicate,
    splice,
)


def mutated(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """``data`` after one to three mutations."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if changed:
            rng.choice(MUTATIONS)(rng, changed, others)
    return bytes(changed)


# What must hold


class Fuzzer:
    """Makes and runs inputs by number."""

    def __init__(self, seed: int):
        self.seed = seed
        self._corpus = corpus()
        self._server = server()

    def input(self, number: int) -> tuple[str, int, bytes]:
        """Input ``number``: the part it is for, the recording it comes from, and its bytes."""
        rng = random.Random(self.seed << 40 | number)
        kind = rng.choices(("session", "nested", "answer", "record", "noise"), (60, 12, 14, 13, 1))[0]
        if kind == "session":
            which = rng.randrange(len(self._corpus.sessions))
            data = mutated(rng, self._corpus.sessions[which], self._corpus.sessions)
            if rng.random() < 0.1:
                data += rng.choice(self._corpus.sessions)
        elif kind == "answer":
            which = rng.randrange(len(self._corpus.answers))
            data = mutated(rng, self._corpus.answers[which][2], [answer[2] for answer in self._corpus.answers])
        elif kind == "noise":
            which, data = 0, rng.randbytes(rng.randrange(64))
        else:
            which = rng.randrange(len(self._corpus.records))
            data = mutated(rng, self._corpus.records[which], self._corpus.records)
        return kind, which, data

    def run(self, number: int) -> None:
        """Run input ``number``.

        Raises:
            Exception: it was neither answered nor refused.
        """
        kind, which, data = self.input(number)
        if kind == "answer":
            call, protocol, _ = self._corpus.answers[which]
            with contextlib.suppress(Error):
                call(Client(MemoryStream(data), protocol))
        elif kind == "record":
            with contextlib.suppress(CodecError, MalformedMessage):
                decode(toy.Everything, data)
        else:
            if kind == "nested":
                batch = pa.record_batch([pa.array([data], pa.binary())], schema=REQUEST_SCHEMA)
                metadata = toy.request_metadata("middle")
                data = toy.joined(stream_buffers(REQUEST_SCHEMA, [Batch(batch, metadata)]))
            memory = MemoryStream(data)
            drive(self._server.session(), memory)
            if number % 4 == 0:
                toy.split(bytes(memory.written))


# Processes


def _child(seed: int, numbers: range, progress: Any, failures: Any) -> None:
    import resource

    with contextlib.suppress(ValueError, OSError):  # not every system can
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable()
    gc.set_threshold(20_000)
    fuzzer = Fuzzer(seed)
    for number in numbers:
        progress.value = number
        try:
            fuzzer.run(number)
        except BaseException:
            failures.put((number, traceback.format_exc()))
            return
    progress.value = numbers.stop


def fuzz(seed: int, numbers: range) -> str | None:
    """Run the inputs in a child process. A description of the first failure, or None."""
    context = multiprocessing.get_context("spawn")
    progress = context.Value("q", -1, lock=False)
    failures = context.SimpleQueue()
    child = context.Process(target=_child, args=(seed, numbers, progress, failures), daemon=True)
    child.start()
    seen, since = -1, time.monotonic()
    while child.is_alive():
        child.join(0.5)
        if progress.value != seen:
            seen, since = progress.value, time.monotonic()
        elif time.monotonic() - since > HANG:
            child.kill()
            child.join()
            return _report(seed, seen, f"still running after {HANG:.0f} s")
    if not failures.empty():
        number, text = failures.get()
        return _report(seed, number, text)
    if child.exitcode != 0 or progress.value != numbers.stop:
        return _report(seed, progress.value, f"the process died with exit code {child.exitcode}")
    return None


def _report(seed: int, number: int, what: str) -> str:
    return f"seed {seed}, input {number}: {what}\nagain: python -m tests.rpc.fuzz --seed {seed} --only {number}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 1 if an input failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.rpc.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="how many inputs to run (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="which inputs to make (default: %(default)s)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="run one input, in this process, and show it")
    parser.add_argument("--forever", action="store_true", help="go on with the next seed, until interrupted")
    options = parser.parse_args(arguments)
    if options.only is not None:
        fuzzer = Fuzzer(options.seed)
        kind, which, data = fuzzer.input(options.only)
        print(f"{kind} {which}: {data.hex()}", flush=True)
        fuzzer.run(options.only)
        return 0
    seed = options.seed
    while True:
        begun = time.monotonic()
        for first in range(0, options.inputs, CHUNK):
            failure = fuzz(seed, range(first, min(first + CHUNK, options.inputs)))
            if failure is not None:
                print(failure, file=sys.stderr)
                return 1
        print(f"seed {seed}: {options.inputs} inputs, {time.monotonic() - begun:.1f} s", flush=True)
        if not options.forever:
            return 0
        seed += 1


if __name__ == "__main__":
    sys.exit(main())
