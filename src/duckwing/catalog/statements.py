"""SQL that an author writes for DuckDB: whether it can be what it is meant to be.

DuckDB drops views and macros that it cannot parse, without a word (spec 04, section 6). Where DuckDB
is installed beside the worker, ``duckwing check`` has it parse them; here, while a worker starts,
only what shows without a parser is looked at.
"""

from __future__ import annotations

import re

from ..errors import DeclarationError

_QUERY = re.compile(
    r"\s*(\(\s*)*(SELECT|WITH|FROM|VALUES|TABLE|PIVOT|UNPIVOT|DESCRIBE|SHOW|SUMMARIZE)\b", re.IGNORECASE
)

_TOKEN = re.compile(
    r"""--[^\n]*            # a comment to the end of the line
      | /\*.*?\*/          # a comment
      | [eE]'(?:[^'\\]|\\.|'')*'
      | '(?:[^']|'')*'     # a string
      | "(?:[^"]|"")*"     # an identifier
      | \$(\w*)\$.*?\$\1\$ # a string between dollars
      | ['"()\[\]{};]      # what matters outside of them
      | /\*
    """,
    re.VERBOSE | re.DOTALL,
)

_CLOSING = {"(": ")", "[": "]", "{": "}"}


def is_query(text: object) -> bool:
    """Whether ``text`` begins like a SELECT statement; an expression does not."""
    return isinstance(text, str) and _QUERY.match(_without_comments(text)) is not None


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
    if not isinstance(text, str) or not _without_comments(text).strip():
        raise DeclarationError(f"{what} needs {expected}, not {text!r:.80}")
    open_: list[str] = []
    for token in _TOKEN.finditer(text):
        found = token.group()
        if found in _CLOSING:
            open_.append(_CLOSING[found])
        elif found in (")", "]", "}"):
            if not open_ or open_.pop() != found:
                raise DeclarationError(f"{what}: {found!r} at character {token.start() + 1} closes nothing")
        elif found == ";":
            raise DeclarationError(f"{what} needs {expected} without ';'")
        elif found in ("'", '"', "/*"):
            raise DeclarationError(f"{what}: what {found} opens at character {token.start() + 1} is never closed")
    if open_:
        raise DeclarationError(f"{what}: {open_[-1]!r} is missing at the end")


def _without_comments(text: str) -> str:
    return _TOKEN.sub(lambda token: " " if token.group().startswith(("--", "/*")) else token.group(), text)
