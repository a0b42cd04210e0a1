"""Results as CSV, JSON and Markdown."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from itertools import chain
from typing import TextIO

from .results import Result

_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL\(.*\)|BIGNUM")

_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?(?:NaN|Infinity)')


def is_number(type_: str) -> bool:
    """Whether values of the DuckDB type named ``type_`` are set flush right."""
    return _NUMBER.fullmatch(type_) is not None


def write_csv(result: Result, out: TextIO) -> None:
    """Header and rows as RFC 4180, but with line feeds; NULL is an empty field."""
    writer = csv.writer(out, lineterminator="\n")
    rows = result.text()
    first = next(rows, [])  # before the header: a query that fails prints nothing
    writer.writerow(result.names)
    for chunk in chain([first], rows):
        writer.writerows(chunk)


def write_json(result: Result, out: TextIO) -> None:
    """An array of objects, one on each line, values as ``to_json`` writes them.

    What JSON has no number for, NaN and the infinities, becomes a string.
    A repeated column name gets a number: ``a``, ``a_1``.
    """
    keys = [json.dumps(name, ensure_ascii=False) + ": " for name in _distinct(result.names)]
    before = "[\n"
    for chunk in result.json():
        for row in chunk:
            values = (key + _strict(value or "null") for key, value in zip(keys, row, strict=True))
            out.write(f"{before}  {{{', '.join(values)}}}")
            before = ",\n"
    out.write("[]\n" if before == "[\n" else "\n]\n")


def write_markdown(result: Result, out: TextIO) -> None:
    """A table in the form that GitHub made common; NULL is an empty cell."""

    def line(cells: Sequence[str | None]) -> str:
        return "| " + " | ".join(_markdown_cell(cell or "") for cell in cells) + " |\n"

    rows = result.text()
    first = next(rows, [])
    out.write(line(result.names))
    out.write(line(["--:" if is_number(type_) else ":--" for type_ in result.types]))
    for chunk in chain([first], rows):
        out.writelines(line(row) for row in chunk)


def _distinct(names: Sequence[str]) -> list[str]:
    taken = set(names)
    distinct: list[str] = []
    for name in names:
        key, number = name, 0
        while key in distinct or (number and key in taken):
            number += 1
            key = f"{name}_{number}"
        distinct.append(key)
    return distinct


def _strict(value: str) -> str:
    if "NaN" not in value and "Infinity" not in value:
        return value
    return _JSON_TOKEN.sub(lambda match: match[0] if match[0].startswith('"') else f'"{match[0]}"', value)


def _markdown_cell(cell: str) -> str:
    return cell.replace("\\", "\\\\").replace("|", "\\|").replace("\r\n", "\n").replace("\n", "<br>")
