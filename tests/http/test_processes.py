"""A worker's processes behind a port: how they start, share the work, and end (spec 02, section 19)."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from duckwing.process.options import parse_options
from duckwing.protocol.catalogs import CATALOG_CATALOGS
from duckwing.rpc.errors import RemoteError
from duckwing.rpc.method import NoParams

from .serving import (
    ARITHMETIC,
    KEY,
    OTHER_KEY,
    PATIENCE,
    Browserless,
    Process,
    Reply,
    call_body,
    eventually,
    open_scalar,
    open_scan,
)

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"), pytest.mark.full]

MANY = 50_000_000
ONE = pa.RecordBatch.from_pydict({"value": [1]})
CATALOGS = "/vgi.v2/catalog_catalogs"


@pytest.fixture(scope="module")
def pair() -> Iterator[Process]:
    """A worker of two processes, which nobody ends."""
    with Process("--processes", "2") as server:
        eventually(lambda: len(server.children()) == 2)
        yield server


def is_served(port: int) -> bool:
    with Browserless(port) as client:
        return client.send("HEAD", "/health").status == 200


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def process_of(client: Browserless) -> int:
    """The process at the other end of a client's connection."""
    stream = open_scalar(client, "process", ONE)
    [row] = client.turn(stream.tokens, ONE).rows.to_pylist()
    pid: int = row["result"]
    return pid


def clients_of_both(port: int) -> tuple[dict[int, Browserless], contextlib.ExitStack]:
    """A client for each of two processes: a connection stays with the process that has accepted it."""
    found: dict[int, Browserless] = {}
    stack = contextlib.ExitStack()

    def another() -> bool:
        client = stack.enter_context(Browserless(port))
        found.setdefault(process_of(client), client)
        return len(found) == 2

    eventually(another)
    return found, stack


# Start


def test_the_port_is_the_first_line_and_answers_at_once() -> None:
    with Process("--processes", "1") as server:
        assert server.first == f"PORT:{server.port}\n"
        assert is_served(server.port)
        with Browserless(server.port) as client:
            assert client.connect().attach("served").scalar("doubled", [4]).to_pylist() == [8]
        assert server.stop() == (0, "", "")


def test_nothing_but_the_port_is_on_standard_output(tmp_path: Path) -> None:
    chatty = tmp_path / "chatty.py"
    chatty.write_text(
        "import duckwing as dw\nprint('imported')\nchatty = dw.Catalog('chatty')\n"
        "@chatty.scalar(stability='volatile')\ndef says(value: int) -> int:\n    print('called')\n    return value\n"
        "if __name__ == '__main__':\n    dw.Worker(chatty).run()\n"
    )
    with Process("--processes", "1", file=chatty) as server:
        with Browserless(server.port) as client:
            assert client.connect().attach("chatty").scalar("says", [1]).to_pylist() == [1]
        status, out, err = server.stop()
        assert (status, out) == (0, "")
        assert "imported" in err
        assert "called" in err


def test_a_person_is_told_where_it_is() -> None:
    command = [sys.executable, "-m", "duckwing.cli", "run", str(ARITHMETIC), "--http", "--prefix", "/deep/"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        port = process.stdout.readline().removeprefix("PORT:").strip()
        assert f"http://127.0.0.1:{port}/deep/" in process.stderr.readline()
        process.terminate()
        assert process.wait(PATIENCE) == 0


def test_the_port_is_in_the_file_before_it_is_announced(tmp_path: Path) -> None:
    file = tmp_path / "port"
    with Process("--port-file", str(file), "--prefix", "/vgi/", "--cors-origins", "https://a.example") as server:
        assert file.read_text() == f"{server.port}\n"
        with Browserless(server.port, prefix="/vgi") as client:
            reply = client.send("GET", "/health", headers={"Origin": "https://a.example"})
            assert reply.headers["Access-Control-Allow-Origin"] == "https://a.example"
            assert client.connect().attach("served").scalar("doubled", [4]).to_pylist() == [8]
        with Browserless(server.port) as outside:
            assert outside.send("HEAD", "/health").status == 404


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with Process("--port", str(taken.getsockname()[1])) as server:
            status, _, err = server.stop()
        assert server.first == ""
        assert status == 1
        assert "cannot listen" in err


@pytest.mark.parametrize(
    "flags",
    [
        ["--port", "x"],
        ["--port", "-1"],
        ["--port", "65536"],
        ["--prefix", "vgi"],
        ["--prefix", "/a b"],
        ["--compression", "fast"],
        ["--max-request-bytes", "12"],
        ["--max-stream-response-bytes", "65535"],
        ["--http-threads", "0"],
        ["--processes", "0"],
        ["--tcp", "localhost:0"],
        ["--unix", "/tmp/nowhere.sock"],
    ],
)
def test_flags_that_are_used_wrongly(flags: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse_options(["--http", *flags])
    assert caught.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert flags[0] in err


@pytest.mark.parametrize("flags", [["--host", "0.0.0.0"], ["--host", "::"], ["--port", "x"]])
def test_a_worker_that_must_not_start(flags: list[str]) -> None:
    with Process(*flags) as server:
        status, out, err = server.stop()
    assert (server.first, status, out) == ("", 2, "")
    assert flags[0] in err
    assert "Traceback" not in err


def test_a_key_that_is_malformed() -> None:
    with Process(environment={"VGI_SIGNING_KEY": "secret!" * 9}) as server:
        status, _, err = server.stop()
    assert server.first == ""
    assert status not in (0, -signal.SIGTERM)
    assert "VGI_SIGNING_KEY" in err
    assert "secret!" not in err


@pytest.mark.parametrize("with_credentials", [False, True])
def test_everybody_is_served_only_if_that_is_wanted(with_credentials: bool) -> None:
    environment = {"VGI_BEARER_TOKENS": "secret=ann"} if with_credentials else {}
    flags = [] if with_credentials else ["--allow-remote"]
    with Process("--host", "0.0.0.0", "--processes", "1", *flags, environment=environment) as server:
        assert is_served(server.port)


# End


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_call_under_way_is_finished(number: int, tmp_path: Path) -> None:
    path = tmp_path / "held"
    witness = tmp_path / "witness"
    replies: list[Reply] = []
    with Process("--processes", "2", environment={"DUCKWING_TEST_WITNESS": str(witness)}) as server:
        port, processes = server.port, server.children()
        batch = pa.RecordBatch.from_pydict({"path": [str(path)]})

        def call() -> None:
            with Browserless(port) as client:
                stream = open_scalar(client, "held", batch)
                replies.append(client.turn(stream.tokens, batch))

        thread = threading.Thread(target=call)
        thread.start()
        eventually(Path(f"{path}.begun").exists)
        server.send(number)
        eventually(lambda: not _accepts(port))
        assert server.process.poll() is None
        assert replies == []
        Path(f"{path}.go").touch()
        thread.join(PATIENCE)
        assert [reply.rows.to_pylist() for reply in replies] == [[{"result": "done"}]]
        assert server.wait() == 0
        eventually(lambda: all(map(is_gone, processes)))
        assert witness.read_text().splitlines().count("stopped") >= 1


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    path = tmp_path / "held"
    with Process("--processes", "2") as server:
        port, processes = server.port, server.children()
        batch = pa.RecordBatch.from_pydict({"path": [str(path)]})

        def call() -> None:
            with Browserless(port) as client, contextlib.suppress(OSError, http.client.HTTPException):
                client.turn(open_scalar(client, "held", batch).tokens, batch)

        thread = threading.Thread(target=call)
        thread.start()
        eventually(Path(f"{path}.begun").exists)
        server.send(signal.SIGTERM)
        eventually(lambda: not _accepts(port))
        assert server.process.poll() is None
        server.send(signal.SIGTERM)
        assert isinstance(server.wait(), int)
        eventually(lambda: all(map(is_gone, processes)))
        thread.join(PATIENCE)
        assert not thread.is_alive()


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("processes", ["1", "2"])
def test_an_idle_connection_does_not_hold_up_the_end(processes: str) -> None:
    with (
        Process("--processes", processes) as server,
        Browserless(server.port) as client,
        socket.create_connection(("127.0.0.1", server.port)) as silent,
    ):
        assert client.send("HEAD", "/health").status == 200
        silent.sendall(b"POST /vgi.v2/catalog_attach HTTP/1.1\r\nHost: x\r\n")
        assert server.stop()[0] == 0


@pytest.mark.parametrize("moment", ["starting", "serving"])
def test_processes_end_with_their_supervisor(moment: str) -> None:
    with Process("--processes", "2") as server:
        port = server.port
        if moment == "serving":
            clients_of_both(port)[1].close()
        processes = eventually(lambda: server.children() if len(server.children()) == 2 else None)
        server.send(signal.SIGKILL)
        server.wait()
        eventually(lambda: all(map(is_gone, processes)))
        eventually(lambda: not _accepts(port))


@pytest.mark.full
def test_a_process_that_is_killed_is_replaced_while_the_port_stays_open() -> None:
    with Process("--processes", "2") as server:
        before = eventually(lambda: server.children() if len(server.children()) == 2 else None)
        for _ in range(3):
            victim = server.children()[0]
            os.kill(victim, signal.SIGKILL)
            for _ in range(20):
                assert is_served(server.port)
            eventually(lambda gone=victim: gone not in server.children() and len(server.children()) == 2)  # type: ignore[misc]
        for pid in server.children():
            os.kill(pid, signal.SIGKILL)
        assert is_served(server.port)  # it waits in the socket's queue for the next process
        assert not set(before) & set(eventually(server.children))
        status, out, err = server.stop()
        assert (status, out) == (0, "")
        assert err.count("SIGKILL") >= 4


@pytest.mark.full
def test_a_catalog_stays_attached_when_all_processes_are_replaced() -> None:
    with Process("--processes", "1") as server, Browserless(server.port) as client:
        catalog = client.connect().attach("served")
        assert catalog.scalar("doubled", [4]).to_pylist() == [8]
        stream = open_scalar(client, "doubled", ONE)
        for pid in server.children():
            os.kill(pid, signal.SIGKILL)
        assert catalog.scalar("doubled", [4]).to_pylist() == [8]
        assert client.turn(stream.tokens, ONE).rows.to_pylist() == [{"result": 2}]


# Two processes


def test_a_generator_is_continued_through_the_other_process(pair: Process) -> None:
    clients, stack = clients_of_both(pair.port)
    with stack:
        first, second = clients
        stream = open_scan(clients[first], "numbers", 200_000, 1000, width=100)
        found, pids, turn = stream.reply.rows["n"].to_pylist(), set(stream.reply.rows["pid"].to_pylist()), 0
        while stream.tokens:
            reply = clients[(second, first)[turn % 2]].turn(stream.tokens)
            assert reply.error is None
            found += reply.rows["n"].to_pylist()
            pids |= set(reply.rows["pid"].to_pylist())
            stream.tokens = {**stream.tokens, **reply.tokens} if reply.tokens else {}
            turn += 1
        assert found == list(range(200_000))
        assert pids == {first}
        assert turn > 3


def test_a_class_is_continued_by_the_other_process(pair: Process) -> None:
    clients, stack = clients_of_both(pair.port)
    with stack:
        first, second = clients
        stream = open_scan(clients[first], "walk", 60_000, 5000, width=100)
        found, pids, turn = stream.reply.rows["n"].to_pylist(), set(stream.reply.rows["pid"].to_pylist()), 0
        while stream.tokens:
            reply = clients[(second, first)[turn % 2]].turn(stream.tokens)
            found += reply.rows["n"].to_pylist()
            pids |= set(reply.rows["pid"].to_pylist())
            stream.tokens = {**stream.tokens, **reply.tokens} if reply.tokens else {}
            turn += 1
        assert found == list(range(60_000))
        assert pids == {first, second}


def test_a_generator_is_cancelled_through_the_other_process(pair: Process, tmp_path: Path) -> None:
    clients, stack = clients_of_both(pair.port)
    witness = tmp_path / "witness"
    with stack:
        first, second = clients
        stream = open_scan(clients[first], "numbers", MANY, 1000, width=100, witness=str(witness))
        assert clients[second].turn(stream.tokens, cancel=b"1").batches == []
        eventually(witness.exists)
        assert "run the query again" in str(clients[second].turn(stream.tokens).error)
        assert "run the query again" in str(clients[first].turn(stream.tokens).error)


def test_every_kind_of_function_with_two_processes(pair: Process) -> None:
    clients, stack = clients_of_both(pair.port)
    numbers = list(range(10_000))
    with stack:

        class Alternating(Browserless):
            """The next request always goes to the other process."""

            turns = 0

            def post(self, path: str, body: bytes | Iterator[bytes], headers: object = None) -> Reply:
                self.turns += 1
                return list(clients.values())[self.turns % 2].post(path, body)

        alternating = Alternating(pair.port)
        catalog = alternating.connect().attach("served")
        assert catalog.scalar("doubled", numbers).to_pylist() == [2 * n for n in numbers]
        assert len(set(catalog.scalar("process", numbers).to_pylist())) == 2
        transformed = catalog.transform("running", {"n": numbers}).read_all().to_pylist()
        assert transformed[-1] == {"running": sum(numbers), "pid": len(numbers)}
        assert {row["pid"] for row in transformed[:-1]} == set(clients)
        counted = catalog.transform("counted", {"n": numbers}).read_all()
        assert sum(counted["total"].to_pylist()) == sum(numbers)
        assert catalog.aggregate("total", numbers).as_py() == sum(numbers)


def test_the_death_of_a_generator_is_never_taken_for_its_end() -> None:
    with Process("--processes", "2") as server:
        clients, stack = clients_of_both(server.port)
        with stack:
            first, second = clients
            streams = [open_scan(clients[first], "numbers", MANY, 1000, width=100) for _ in range(3)]
            walking = open_scan(clients[first], "walk", 60_000, 1000, width=100)
            clients[second].turn(streams[0].tokens)
            os.kill(first, signal.SIGKILL)
            eventually(lambda: is_gone(first))
            for stream in streams:
                for cancel in ({}, {"cancel": b"1"}):
                    reply = clients[second].turn(stream.tokens, **cancel)
                    assert reply.status == 200
                    assert cancel or "run the query again" in str(reply.error)
                    assert reply.tokens == {}
            rows = 0
            while walking.tokens:  # but a class goes on
                reply = clients[second].turn(walking.tokens)
                assert reply.error is None
                rows += reply.rows.num_rows
                walking.tokens = {**walking.tokens, **reply.tokens} if reply.tokens else {}
            assert rows + walking.reply.rows.num_rows == 60_000


@pytest.mark.full
def test_a_death_in_the_middle_of_a_turn_is_an_error(tmp_path: Path) -> None:
    """The process dies while another one waits for its answer."""
    with Process("--processes", "2") as server:
        clients, stack = clients_of_both(server.port)
        with stack:
            first, second = clients
            stream = open_scan(clients[first], "pauses", str(tmp_path / "never"))
            replies: list[Reply] = []
            thread = threading.Thread(target=lambda: replies.append(clients[second].turn(stream.tokens)))
            thread.start()
            os.kill(first, signal.SIGKILL)
            thread.join(PATIENCE)
            tokens = {**stream.tokens, **replies[0].tokens}
            [reply] = replies
            if reply.error is None:  # it was answered before
                assert reply.tokens
                reply = clients[second].turn(tokens)
            assert "run the query again" in str(reply.error)


@pytest.mark.full
def test_a_crash_in_an_author_function_is_an_error_and_no_result() -> None:
    with Process("--processes", "2") as server, Browserless(server.port) as client:
        pid = process_of(client)
        scan = client.connect().attach("served").scan("numbers", MANY, 1000, width=100)
        assert sum(next(scan).num_rows for _ in range(3)) > 0
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(RemoteError, match="run the query again"):
            scan.read_all()


@pytest.mark.full
def test_workers_with_the_same_key_are_one_worker_behind_a_proxy() -> None:
    with (
        Process("--processes", "1") as one,
        Process("--processes", "1") as two,
        Browserless(one.port, two.port) as client,
    ):
        catalog = client.connect().attach("served")
        assert catalog.scan("walk", 20_000, 1000).read_all()["n"].to_pylist() == list(range(20_000))
        assert catalog.aggregate("total", list(range(10_000))).as_py() == sum(range(10_000))
        assert len(set(catalog.scalar("process", list(range(5000))).to_pylist())) == 2


@pytest.mark.full
def test_keys_are_rotated_without_a_break() -> None:
    with Process("--processes", "1") as old, Browserless(old.port) as client:
        scan, exchange = open_scan(client, "walk", 60_000, 5000, width=50).tokens, open_scalar(client, "doubled", ONE)
    for keys_of, opens in ((f"{OTHER_KEY},{KEY}", True), (OTHER_KEY, False)):
        environment = {"VGI_SIGNING_KEY": keys_of}
        with Process("--processes", "1", environment=environment) as server, Browserless(server.port) as client:
            for reply in (client.turn(scan), client.turn(exchange.tokens, ONE)):
                if opens:
                    assert reply.error is None
                else:
                    assert (reply.status, "Invalid state token" in str(reply.error)) == (400, True)


def test_many_clients_at_once(pair: Process) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            with Browserless(pair.port) as client:
                catalog = client.connect().attach("served")
                rows = catalog.scan("numbers", 10_000, 1000, width=number).read_all()
                assert rows["n"].to_pylist() == list(range(10_000))
                assert catalog.scalar("doubled", [number]).to_pylist() == [2 * number]
                for _ in range(20):
                    assert client.post(CATALOGS, call_body(CATALOG_CATALOGS, NoParams())).error is None
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert errors == []
