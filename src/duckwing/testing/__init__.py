"""For authors' own tests: call a function in this process, or a whole worker through SQL.

>>> import duckwing as dw
>>> from duckwing.testing import call
>>> @dw.scalar
... def initials(first: str, last: str) -> str:
...     return first[0] + last[0]
>>> call(initials, ["Grace", None], ["Hopper", "Lovelace"]).to_pylist()
['GH', None]

:func:`call` needs pyarrow alone; :func:`sql`, the pytest fixture ``duckwing_sql`` and the examples that
:func:`check` runs need the engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .calls import call as call
    from .checks import Problem as Problem
    from .checks import Report as Report
    from .checks import check as check
    from .database import sql as sql
    from .fixtures import duckwing_sql as duckwing_sql

_HOMES = {
    "Problem": "checks",
    "Report": "checks",
    "call": "calls",
    "check": "checks",
    "duckwing_sql": "fixtures",
    "sql": "database",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
