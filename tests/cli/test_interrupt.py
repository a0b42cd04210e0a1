from __future__ import annotations

import os
import signal
import threading

import duckdb
import pytest

from duckwing.cli.interrupt import Interruptible
from duckwing.cli.results import Runner

DEADLINE = 60.0


def ctrl_c_when(event: threading.Event) -> None:
    """Send SIGINT to this process once `event` is set."""

    def wait_and_send() -> None:
        if event.wait(DEADLINE):
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait_and_send, daemon=True).start()


def test_a_call_gives_its_result_and_its_errors() -> None:
    def fail() -> None:
        raise ValueError("as it was")

    interruptible = Interruptible(lambda: None)
    assert interruptible.call(lambda: 42) == 42
    with pytest.raises(ValueError, match="as it was"):
        interruptible.call(fail)


@pytest.mark.parametrize("ending", ["result", "error"])
def test_ctrl_c_interrupts_the_call_and_waits_for_its_end(ending: str) -> None:
    running, interrupted, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        running.set()
        assert interrupted.wait(DEADLINE)
        ended.set()
        if ending == "error":
            raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")

    interruptible = Interruptible(interrupted.set)
    ctrl_c_when(running)
    with pytest.raises(KeyboardInterrupt):
        interruptible.call(work)
    assert ended.is_set()
    assert interruptible.call(lambda: "the next call") == "the next call"


def test_ctrl_c_ends_a_query_and_the_connection_goes_on() -> None:
    running = threading.Event()

    def announce(value: int) -> int:
        running.set()
        return value

    with duckdb.connect() as connection:
        connection.create_function("announce", announce, ["BIGINT"], "BIGINT", side_effects=True)
        runner = Runner(connection)
        result = runner.execute("SELECT sum(announce(range)) FROM range(1000000000)")
        assert result is not None
        ctrl_c_when(running)
        with pytest.raises(KeyboardInterrupt):
            list(result.text())
        after = runner.execute("SELECT 1")
        assert after is not None
        assert list(after.text()) == [[("1",)]]
