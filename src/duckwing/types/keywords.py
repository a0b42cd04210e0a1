"""Identifiers in SQL texts."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

_WORDS: Final = """
all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case
cast check collate collation column columns concurrently constraint create cross default deferrable
desc describe distinct do else end except false fetch for foreign freeze from full generated glob
group having ilike in initially inner intersect into is isnull join lambda lateral leading left like
limit map natural not notnull null offset on only or order outer overlaps pivot pivot_longer
pivot_wider placing positional primary qualify references returning right select semi show similar
some struct summarize symmetric table tablesample then to trailing true try_cast union unique unpack
unpivot using variadic verbose when where window with
"""

QUOTED_KEYWORDS: Final = frozenset(_WORDS.split())
"""Words of DuckDB 1.5 that name a column or a member only in quotes (``duckdb_keywords()``)."""


def identifier(name: str) -> str:
    """``name`` as an identifier, in quotes where SQL needs them."""
    if _PLAIN.fullmatch(name) and name.lower() not in QUOTED_KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'
