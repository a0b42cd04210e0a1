"""SQL that an author writes for DuckDB: whether it can be what it is meant to be.

DuckDB drops views and macros that it cannot parse, without a word (spec 04, section 6), and reads a
CHECK that it cannot bind only when somebody lists the constraints. Where DuckDB is installed beside
the worker, ``duckwing check`` has it parse them; here, while a worker starts, only what shows
without a parser is looked at. What DuckDB parses is never refused, but for a ``;`` at its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ..errors import DeclarationError

_BEGINNING = re.compile(r"[\s(]*(?:(?:SELECT|WITH|FROM|TABLE|PIVOT|UNPIVOT)\b|VALUES\s*\()", re.IGNORECASE)

_CONTINUATION = re.compile(r"\s*(?:UNION|INTERSECT|EXCEPT|ORDER|LIMIT|OFFSET)\b", re.IGNORECASE)
"""What may follow a query in brackets and no expression in brackets."""

_TOKEN = re.compile(
    r"""--[^\n\r]*
      | /\*
      | [eE]'(?:[^'\\]|\\.|'')*'(?:\s*\n\s*'(?:[^'\\]|\\.|'')*')*   # a string in several parts is one
      | [eE]'
      | (?:[A-Za-z_]|[^\x00-\x7f\s])(?:[\w$]|[^\x00-\x7f\s])*       # a word; $ belongs to it
      | '(?:[^']|'')*'
      | "(?:[^"]|"")*"
      | \$\d+                                                       # a parameter
      | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$
      | \$(?:[^\W\d]\w*)?\$
      | ['"()\[\]{};]
    """,
    re.VERBOSE | re.DOTALL,
)

_COMMENT_EDGE = re.compile(r"/\*|\*/")

_CLOSING = {"(": ")", "[": "]", "{": "}"}


class _Token(NamedTuple):
    """A piece of SQL that is more than a letter, and where it stands."""

    text: str
    start: int
    end: int

    @property
    def is_comment(self) -> bool:
        return self.text.startswith(("--", "/*"))

    @property
    def is_open(self) -> bool:
        """Whether it is the beginning of something that does not end."""
        return self.text in ("'", '"', "/*", "e'", "E'") or (
            self.text.startswith("$") and self.text.endswith("$") and self.text.count("$") == 2
        )


def is_query(text: object) -> bool:
    """Whether ``text`` begins like a SELECT statement, in brackets or not."""
    return isinstance(text, str) and _BEGINNING.match(_without_comments(text)) is not None


def is_table_macro(text: object) -> bool:
    """Whether the definition of a macro is that of a table macro.

    As in CREATE MACRO, a query in brackets is an expression, unless its continuation shows that it is none.
    """
    if not isinstance(text, str) or not is_query(text):
        return False
    text = _without_comments(text).strip()
    if not text.startswith("("):
        return True
    depth = 0
    for token in _tokens(text):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.text == ")":
            return _CONTINUATION.match(text, token.end) is not None
    return False


def check_query(text: object, what: str) -> None:
    """Refuse what is no single SELECT statement.

    Raises:
        DeclarationError: it is none, as far as that shows.
    """
    _check(text, what, "one SELECT statement")
    if not is_query(text):
        raise DeclarationError(f"{what} needs one SELECT statement, not {text!r:.80}")


def check_expression(text: object, what: str) -> None:
    """Refuse what is no SQL expression.

    Raises:
        DeclarationError: it is none, as far as that shows.
    """
    _check(text, what, "one SQL expression")


def _check(text: object, what: str, expected: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise DeclarationError(f"{what} needs {expected}, not {text!r:.80}")
    open_: list[str] = []
    for token in _tokens(text):
        found = token.text
        if token.is_open:
            raise DeclarationError(f"{what}: what {found} opens at character {token.start + 1} is never closed")
        if found in _CLOSING:
            open_.append(_CLOSING[found])
        elif found in (")", "]", "}"):
            if not open_:
                raise DeclarationError(f"{what}: {found!r} at character {token.start + 1} closes nothing")
            if open_[-1] != found:
                raise DeclarationError(
                    f"{what}: {found!r} at character {token.start + 1} stands where {open_[-1]!r} is missing"
                )
            open_.pop()
        elif found == ";":
            raise DeclarationError(f"{what} needs {expected} without ';'")
    if open_:
        raise DeclarationError(f"{what}: {open_[-1]!r} is missing at the end")
    if not _without_comments(text).strip():
        raise DeclarationError(f"{what} needs {expected}, not {text!r:.80}")


def _tokens(text: str) -> Iterator[_Token]:
    place = 0
    while (found := _TOKEN.search(text, place)) is not None:
        place = _end_of_comment(text, found.end()) if found.group() == "/*" else found.end()
        if place < 0:
            yield _Token("/*", found.start(), found.end())
            return
        yield _Token(text[found.start() : place], found.start(), place)


def _end_of_comment(text: str, place: int) -> int:
    """Where a comment ends whose beginning ends at ``place``; comments nest. -1: nowhere."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, place):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    return -1


def _without_comments(text: str) -> str:
    parts, place = [], 0
    for token in _tokens(text):
        if token.is_comment:
            parts += [text[place : token.start], " "]
            place = token.end
    return "".join([*parts, text[place:]])
