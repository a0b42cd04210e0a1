from __future__ import annotations

import os
import sys
import sysconfig
from types import SimpleNamespace

import pytest

from duckwing.engine import EngineError
from duckwing.engine.target import TARGETS, this_target


def pretend(monkeypatch: pytest.MonkeyPatch, platform: str, machine: str, libc: str | None = "glibc 2.36") -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine))
    monkeypatch.setattr(sysconfig, "get_platform", lambda: f"win-{machine}")
    monkeypatch.setattr(os, "confstr", lambda name: libc)


@pytest.mark.parametrize(
    ("platform", "machine", "target"),
    [
        ("linux", "x86_64", "linux-x64"),
        ("linux", "aarch64", "linux-arm64"),
        ("darwin", "x86_64", "darwin-x64"),
        ("darwin", "arm64", "darwin-arm64"),
        ("win32", "amd64", "win32-x64"),
    ],
)
def test_the_builds_that_exist(monkeypatch: pytest.MonkeyPatch, platform: str, machine: str, target: str) -> None:
    pretend(monkeypatch, platform, machine)
    assert this_target() == target


@pytest.mark.parametrize(
    ("platform", "machine"),
    [("linux", "riscv64"), ("win32", "arm64"), ("freebsd14", "amd64"), ("linux", "i686")],
)
def test_other_platforms_get_an_error_that_lists_the_builds(
    monkeypatch: pytest.MonkeyPatch, platform: str, machine: str
) -> None:
    pretend(monkeypatch, platform, machine)
    with pytest.raises(EngineError) as caught:
        this_target()
    assert platform in str(caught.value)
    assert all(target in str(caught.value) for target in TARGETS)


def test_a_32_bit_python_on_a_64_bit_machine_has_no_build(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, "linux", "x86_64")
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    with pytest.raises(EngineError, match="linux-x64 with a 32-bit Python"):
        this_target()


def unknown_name(name: str) -> str:
    raise ValueError("unrecognized configuration name")


@pytest.mark.parametrize("confstr", [unknown_name, lambda name: None, lambda name: ""])
def test_musl_has_no_build(monkeypatch: pytest.MonkeyPatch, confstr: object) -> None:
    pretend(monkeypatch, "linux", "x86_64")
    monkeypatch.setattr(os, "confstr", confstr)
    with pytest.raises(EngineError, match=r"without glibc.*musl"):
        this_target()
