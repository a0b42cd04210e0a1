"""Results as tables for people."""

from __future__ import annotations

import re
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.cells import cell_len

from .formats import is_number
from .results import Result, Row

_EDGE_ROWS = 20
"""A terminal shows this many rows of either end of a long result."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Cell = list[str]
"""The lines of a value."""


def write_table(result: Result, out: TextIO) -> None:
    """A table with types under the names, and the number of rows below it.

    Elsewhere than on a terminal it has everything, however wide that is. A
    terminal gets the first and last rows of a long result, and is told so;
    and where the table is wider than the terminal, one line per value.
    """
    if result.names == ("explain_key", "explain_value"):
        for chunk in result.text():
            out.writelines(f"{plan}\n" for _, plan in chunk)
        return
    terminal = out.isatty()
    head: list[Row] = []
    tail: deque[Row] = deque(maxlen=_EDGE_ROWS if terminal else None)
    total = 0
    for chunk in result.text():
        total += len(chunk)
        room = _EDGE_ROWS - len(head)
        head += chunk[:room]
        tail.extend(chunk[room:])
    hidden = total - len(head) - len(tail)

    header = [
        [*_lines(name), "enum" if type_.startswith("ENUM(") else type_.lower()]
        for name, type_ in zip(result.names, result.types, strict=True)
    ]
    rows = [[_lines(value) for value in row] for row in (*head, *tail)]
    gap = len(head) if hidden else None
    widths = [max(cell_len(line) for row in (header, *rows) for line in row[column]) for column in range(len(header))]
    if not terminal or sum(widths) + 3 * len(widths) + 1 <= shutil.get_terminal_size().columns:
        right = [is_number(type_) for type_ in result.types]
        out.writelines(line + "\n" for line in _box(header, rows, widths, right, gap))
    else:
        numbers = [*range(1, len(head) + 1), *range(total - len(tail) + 1, total + 1)]
        out.writelines(line + "\n" for line in _records(result.names, rows, numbers))
    out.write(f"{total:,} row{'' if total == 1 else 's'}")
    out.write(f"; {hidden:,} in the middle are not shown: use --format csv to get all\n" if hidden else "\n")


def _lines(value: str | None) -> Cell:
    """A value's lines, without the power to steer a terminal."""
    if value is None:
        return ["NULL"]
    return [_CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", line).expandtabs() for line in value.split("\n")]


def _box(
    header: Sequence[Cell],
    rows: Sequence[Sequence[Cell]],
    widths: Sequence[int],
    right: Sequence[bool],
    gap: int | None,
) -> Iterator[str]:
    def rule(left: str, middle: str, end: str) -> str:
        return left + middle.join("─" * (width + 2) for width in widths) + end

    def row_lines(row: Sequence[Cell]) -> Iterator[str]:
        for number in range(max(map(len, row))):
            cells = []
            for lines, width, flush_right in zip(row, widths, right, strict=True):
                line = lines[number] if number < len(lines) else ""
                padding = " " * (width - cell_len(line))
                cells.append(padding + line if flush_right else line + padding)
            yield "│ " + " │ ".join(cells) + " │"

    yield rule("┌", "┬", "┐")
    yield from row_lines(header)
    yield rule("├", "┼", "┤")
    for number, row in enumerate(rows):
        if number == gap:
            yield from row_lines([["·"]] * len(widths))
        yield from row_lines(row)
    yield rule("└", "┴", "┘")


def _records(names: Sequence[str], rows: Sequence[Sequence[Cell]], numbers: Sequence[int]) -> Iterator[str]:
    labels = [" ".join(_lines(name)) for name in names]
    width = max(map(cell_len, labels))
    for number, row in zip(numbers, rows, strict=True):
        yield f"── row {number:,} ──"
        for label, lines in zip(labels, row, strict=True):
            yield f"{label}{' ' * (width - cell_len(label))} │ {lines[0]}"
            yield from (f"{' ' * width} │ {line}" for line in lines[1:])
