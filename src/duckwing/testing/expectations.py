"""What the checks of stores expect: ``assert`` would say too little, and nothing under ``python -O``."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def holds(what: str, is_so: bool) -> None:
    """Raise AssertionError unless it is so."""
    if not is_so:
        raise AssertionError(f"{what}: it is not so")


def expect(what: str, found: object, expected: object) -> None:
    """Raise AssertionError unless ``found`` equals ``expected``; ``what`` says what was done."""
    if found != expected:
        raise AssertionError(f"{what}: expected {_short(expected)}, got {_short(found)}")


def raises(what: str, kind: type[Exception], operation: Callable[[], object]) -> None:
    """Raise AssertionError unless ``operation`` raises a ``kind``."""
    try:
        found = operation()
    except kind:
        return
    raise AssertionError(f"{what}: expected {kind.__name__}, got {_short(found)}")


def _short(value: object) -> str:
    text = repr(value)
    size = f" ({len(value)} of them)" if isinstance(value, Sequence) and len(text) > 300 else ""
    return text if len(text) <= 300 else f"{text[:300]}…{size}"
