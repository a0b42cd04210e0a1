"""Where SQL statements end."""

from __future__ import annotations

import duckdb


def is_complete(text: str) -> bool:
    """Whether ``text`` ends with a semicolon that ends a statement, comments after it not counted.

    A semicolon in a string, a quoted name or a comment ends nothing.
    """
    if ";" not in text:
        return False
    # DuckDB's tokenizer leaves out comments, and whatever is open at the end: a probe that it does not see is inside
    # an open string or comment. Offsets count bytes.
    data = text.encode()
    probe = len(data) + 1
    offsets = [offset for offset, _ in duckdb.tokenize(text + "\n;")]
    return len(offsets) >= 2 and offsets[-1] == probe and data[offsets[-2] : offsets[-2] + 1] == b";"


def is_blank(text: str) -> bool:
    """Whether ``text`` holds nothing but white space, comments and semicolons."""
    data = text.encode()
    probe = len(data) + 1
    offsets = [offset for offset, _ in duckdb.tokenize(text + "\n;")]
    return offsets[-1:] == [probe] and all(data[offset : offset + 1] == b";" for offset in offsets[:-1])
