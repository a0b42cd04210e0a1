"""Descriptions of functions and arguments, read from docstrings."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns?|Yields?|Raises|Examples?|Notes?|See Also)\s*:?\s*$", re.I)
_ARGUMENT_SECTIONS = ("args", "arguments", "parameters")
_GOOGLE = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"^\*{0,2}(\w+)\s*(?::.*)?$")
_SPHINX = re.compile(r"^:param\s+(?:[^:]*\s)?(\w+)\s*:\s*(.*)$")


def read_docstring(text: str | None) -> tuple[str, dict[str, str]]:
    """The description of a docstring, and its text for each argument.

    Understands the styles of Google (``Args:``), NumPy (``Parameters`` underlined) and Sphinx
    (``:param x:``).

    Args:
        text: the docstring, indented or not; None if there is none.

    Returns:
        The text before the first section, on one line per paragraph, and the arguments' texts.
    """
    if not text:
        return "", {}
    lines = inspect.cleandoc(text).splitlines()
    description: list[str] = []
    arguments: dict[str, str] = {}
    section = ""
    current = ""
    for index, line in enumerate(lines):
        stripped = line.strip()
        sphinx = _SPHINX.match(stripped)
        heading = _SECTION.match(line)
        underlined = index + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[index + 1].strip())
        if sphinx:
            section, current = "sphinx", sphinx[1]
            arguments[current] = sphinx[2]
        elif heading and (line.rstrip().endswith(":") or underlined):
            section, current = heading[1].lower() + ("_" if underlined else ""), ""
        elif re.fullmatch(r"-{3,}", stripped):
            continue
        elif not section:
            description.append(stripped)
        elif stripped.startswith(":"):
            current = ""
        elif section == "sphinx":
            _append(arguments, current, stripped)
        elif section.rstrip("_") in _ARGUMENT_SECTIONS:
            current = _argument_line(line, section.endswith("_"), current, arguments)
    paragraphs = "\n".join(description).strip().split("\n\n")
    return "\n\n".join(" ".join(p.split()) for p in paragraphs), {k: v.strip() for k, v in arguments.items()}


def _argument_line(line: str, numpy_style: bool, current: str, arguments: dict[str, str]) -> str:
    indent = len(line) - len(line.lstrip())
    stripped = line.strip()
    match = _NUMPY.match(stripped) if numpy_style and indent == 0 else None
    if match is None and not numpy_style and indent <= 4:
        match = _GOOGLE.match(stripped)
    if match is None:
        _append(arguments, current, stripped)
        return current
    arguments[match[1]] = match[2] if not numpy_style else ""
    return match[1]


def _append(arguments: dict[str, str], name: str, text: str) -> None:
    if name and text:
        arguments[name] = f"{arguments[name]} {text}".strip()
