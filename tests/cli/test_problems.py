from __future__ import annotations

import duckdb

from duckwing.cli.problems import readable

HERE = "exec /bin/duckwing run '/some where/w.py'"


def test_a_workers_exception_is_shown_as_the_worker_raised_it() -> None:
    error = duckdb.InvalidInputException(
        f"Invalid Input Error: VGI Worker Exception: ValueError: no such\nregion\nTraceback …\n [worker: {HERE}]"
    )
    assert readable(error, HERE) == "ValueError: no such\nregion\nTraceback …"


def test_what_the_worker_wrote_before_it_died_is_kept() -> None:
    error = duckdb.IOException(f"IO Error: VGI worker failed (exit code 1) [worker: {HERE}]\nworker stderr:\n  oh no")
    assert readable(error, HERE) == "VGI worker failed (exit code 1)\nworker stderr:\n  oh no"


def test_another_worker_is_named() -> None:
    error = duckdb.IOException(f"IO Error: VGI worker failed [worker: another] [worker: {HERE}]")
    assert readable(error, HERE) == "VGI worker failed [worker: another]"


def test_a_command_that_is_no_worker_is_explained() -> None:
    error = duckdb.IOException(f"IO Error: RPC response stream EOF (no schema) [worker: {HERE}]")
    said, explained = readable(error, HERE).splitlines()
    assert said == "IO Error: RPC response stream EOF (no schema)"
    assert "duckwing run FILE" in explained
    raised = f"Invalid Input Error: VGI Worker Exception: ValueError: {said} [worker: {HERE}]"
    assert readable(duckdb.InvalidInputException(raised), HERE) == f"ValueError: {said}"


def test_duckdbs_own_errors_are_left_alone() -> None:
    message = 'Binder Error: Referenced column "VGI Worker Exception: " not found\n\nLINE 1: …\n        ^'
    assert readable(duckdb.BinderException(message), HERE) == message
