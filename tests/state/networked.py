"""What every backend for several machines is asked, beside the checks that anybody can make."""

from __future__ import annotations

import itertools
import signal
import threading
from functools import partial

import pytest

from duckwing.errors import StateError
from duckwing.state.backend import open_backend
from duckwing.testing.stores import check_backend, check_processes, check_randomly, check_store, open_scope

from .processes import Process
from .proxy import Proxy
from .servers import Server

SCOPE = b"\x00scope\xff"

OPEN = """
from duckwing.state.backend import open_backend
backend = open_backend(sys.argv[1])
"""


class BackendTests:
    """For a class with the fixture ``server``, a running server."""

    @pytest.fixture(autouse=True)
    def scope(self, server: Server) -> None:
        backend = open_backend(server.url)
        backend.remove("execution", SCOPE)
        backend.create("execution", SCOPE)
        backend.close()

    def test_store(self, server: Server) -> None:
        check_store(partial(open_scope, server.url, "execution", SCOPE))

    def test_model(self, server: Server) -> None:
        backend, other = open_backend(server.url), open_backend(server.url)
        stores = itertools.cycle([one.store("execution", SCOPE) for one in (backend, other)])
        check_randomly(lambda: next(stores), examples=20)
        backend.close()
        other.close()

    def test_processes(self, server: Server) -> None:
        check_processes(partial(open_scope, server.url, "execution", SCOPE), processes=4, rounds=50)

    def test_scopes_leases_and_sweeps(self, server: Server) -> None:
        backend, other = open_backend(server.url), open_backend(server.url)
        check_backend(backend, other)
        backend.close()
        other.close()

    def test_processes_come_to_a_new_server_at_once(self, server: Server) -> None:
        script = (
            OPEN
            + """
say("ready"); input()
try:
    store = backend.create("transaction", b"first")
except Exception as error:
    say(f"{type(error).__name__}:{'exists' in str(error)}")
else:
    store.put("n", b"a", b"1")
    say("made")
"""
        )
        backend = open_backend(server.url)
        backend.remove("transaction", b"first")
        self.erase(server)
        processes = [Process(script, server.url) for _ in range(4)]
        for process in processes:
            assert process.hear() == "ready"
        for process in processes:
            process.tell()
        answers = []
        for process in processes:
            with process:
                answers += process.hear_all()
        assert sorted(answers) == ["StateError:True"] * 3 + ["made"]
        assert backend.store("transaction", b"first").scan("n") == [(b"a", b"1")]
        backend.close()

    def erase(self, server: Server) -> None:
        """Make the server one that has never been used."""
        raise NotImplementedError

    def test_a_killed_server_that_runs_again_is_found_again(self, server: Server) -> None:
        backend = open_backend(server.url)
        store = backend.store("execution", SCOPE)
        store.push([b"a", b"b"])
        for i in range(3):
            store.put("n", b"key", b"%d" % i)
            assert store.counter_add("n", b"counter", 1) == i + 1
            server.kill()
            server.start()
            assert store.get("n", b"key") == b"%d" % i
        assert [store.pop(), store.pop(), store.pop()] == [b"a", b"b", None]
        backend.close()

    def test_an_operation_waits_for_a_server_that_is_being_started(self, server: Server) -> None:
        backend = open_backend(server.url)
        store = backend.store("execution", SCOPE)
        store.put("n", b"key", b"1")
        server.kill()
        found: list[bytes | None] = []
        thread = threading.Thread(target=lambda: found.append(store.get("n", b"key")))
        thread.start()
        server.start()
        thread.join()
        assert found == [b"1"]
        backend.close()

    def test_no_server_is_an_error_that_says_so(self, server: Server) -> None:
        backend = open_backend(server.url)
        server.kill()
        with pytest.raises(StateError, match=r"cannot keep state in .*127\.0\.0\.1.*see that the server runs"):
            backend.exists("execution", SCOPE)
        server.start()
        assert backend.exists("execution", SCOPE)
        backend.close()

    def test_a_server_that_does_not_answer_is_an_error(self, server: Server) -> None:
        backend = open_backend(server.url, timeout=0.2)
        store = backend.store("execution", SCOPE)
        server.signal(signal.SIGSTOP)
        try:
            with pytest.raises(StateError, match="cannot keep state"):
                store.counter_add("n", b"key", 1)
        finally:
            server.signal(signal.SIGCONT)
        # Nobody knows whether it was done; but it was not done twice.
        patient = open_backend(server.url)
        assert patient.store("execution", SCOPE).counter_get("n", b"key") in (0, 1)
        patient.close()
        backend.close()

    def test_an_operation_whose_answer_is_lost_is_an_error_and_not_repeated(self, server: Server) -> None:
        with Proxy(server.url) as proxy:
            backend = open_backend(proxy.url)
            store = backend.store("execution", SCOPE)
            store.counter_add("n", b"", 1)
            store.push([b"a", b"b", b"c"])
            store.pop()
            for operation in (lambda: store.counter_add("n", b"", 1), store.pop):
                store.get("n", b"")  # on the connection that is about to break
                proxy.answers_to_lose = 1
                with pytest.raises(StateError, match="cannot keep state"):
                    operation()
            assert store.counter_get("n", b"") == 2
            assert [store.pop(), store.pop()] == [b"c", None]
            backend.close()

    def test_a_scope_that_is_used_is_not_swept(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        backend = open_backend(server.url)
        backend.sweep(0)
        store = backend.create("execution", SCOPE)
        store.put("n", b"key", b"1")
        self.age(server)
        monkeypatch.setattr(f"{type(store).__module__}.TOUCH_SECONDS", 0)
        assert store.get("n", b"key") == b"1"
        assert backend.sweep(3600) == 0
        self.age(server)
        assert backend.sweep(3600) == 1
        with pytest.raises(StateError, match=r"gone.*run the query again"):
            store.get("n", b"key")
        backend.close()

    def age(self, server: Server) -> None:
        """Let all scopes have been used last two hours ago."""
        raise NotImplementedError

    def test_more_threads_than_connections(self, server: Server) -> None:
        backend = open_backend(server.url)
        store = backend.store("execution", SCOPE)
        threads = [
            threading.Thread(target=lambda: [store.counter_add("n", b"", 1) for _ in range(20)]) for _ in range(24)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.counter_get("n", b"") == 480
        backend.close()

    def test_a_forked_child_uses_its_own_connections(self, server: Server) -> None:
        script = (
            OPEN
            + """
import os
store = backend.store("execution", bytes.fromhex(sys.argv[2]))
store.put("n", b"before", b"1")
child = os.fork()
if child == 0:
    assert store.get("n", b"before") == b"1"
    for i in range(100):
        store.counter_add("n", b"c", 1)
    backend.close()
    sys.exit(0)
for i in range(100):
    store.counter_add("n", b"c", 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
say(store.counter_get("n", b"c"))
"""
        )
        with Process(script, server.url, SCOPE.hex()) as process:
            assert process.hear_all() == ["200"]

    def test_a_killed_writer_loses_nothing_and_leaves_no_lock(self, server: Server) -> None:
        script = (
            OPEN
            + """
store = backend.store("execution", bytes.fromhex(sys.argv[2]))
i = 0
while True:
    store.put_many("n", [(b"a", b"%d" % i), (b"b", b"%d" % i)])
    say(i)
    i += 1
"""
        )
        with Process(script, server.url, SCOPE.hex()) as process:
            while process.hear() != "50":
                pass
            process.kill()
        backend = open_backend(server.url)
        store = backend.store("execution", SCOPE)
        (_, first), (_, second) = store.drain("n")
        assert first == second
        assert int(first) >= 50
        backend.close()

    def test_a_living_process_is_told_from_a_dead_one(self, server: Server) -> None:
        script = (
            OPEN
            + """
lease = backend.lease("process", 2)
say(lease.holder)
while input() == "":
    assert lease.renew()
    say("renewed")
"""
        )
        backend = open_backend(server.url)
        with Process(script, server.url) as process:
            holder = process.hear()
            for _ in range(3):
                process.tell()
                assert process.hear() == "renewed"
                assert backend.holder("process") == holder
                assert backend.lease("process", 2) is None
            process.kill()
        pause = threading.Event()
        for _ in range(1000):
            lease = backend.lease("process", 3600)
            if lease is not None:
                break
            pause.wait(0.02)
        assert lease is not None
        assert backend.holder("process") == lease.holder != holder
        lease.release()
        backend.close()


def check_errors_tell_no_password(url: str) -> None:
    """``url`` leads to no server, and has the password ``hidden``."""
    with pytest.raises(StateError) as caught:
        open_backend(url).exists("execution", b"")
    assert "hidden" not in str(caught.value)
