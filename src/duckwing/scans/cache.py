"""Results that the client may use again without a call (spec 07, section 17)."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import DeclarationError, OutputError
from ..protocol import metadata

Validator = Callable[..., "str | datetime.datetime | None"]

MAX_TTL = 315_360_000
"""Ten years, in seconds; the client takes no more."""


@dataclass(frozen=True)
class Cache:
    """How long DuckDB may use a result of a function again without asking, and how it asks then.

    A result is kept for one set of arguments, filters, columns and settings, and for one user.
    It is kept only if it was read to its end. Of scalars and row functions, the result of each row of
    arguments is kept. A function with a cache must not be ``volatile``.

    Attributes:
        ttl: seconds, or a ``timedelta``, for which a result is fresh. 0: DuckDB asks every time,
            which needs ``validator``. None: the result is not kept, although another one of the function may be.
        validator: called with the function's parameters that it names; returns a text that changes when
            the result does (a version, an ETag), or the ``datetime`` of its last change. When a result is
            no longer fresh, DuckDB asks with what it has, and if that still holds, the function does not
            run. DuckDB only asks for results of 256 KiB and more; smaller ones it fetches anew.
        scope: ``"catalog"``: for whoever uses the same attachment; ``"transaction"``: within one transaction.
        per_partition: for functions with ``partition_by``: also keep each partition apart, so that another
            set of them can be put together. It must be said, because DuckDB 1.5 ends with an internal error when
            ``GROUP BY`` of the partition columns reads a result that it has kept.

    Example:
        ```python
        @demo.table_function(columns={"currency": VARCHAR, "rate": DOUBLE}, cache=dw.Cache(ttl=60))
        def rates(base: str = "EUR"):
            yield from fetch_rates(base)
        ```
    """

    ttl: float | datetime.timedelta | None
    validator: Validator | None = None
    scope: Literal["catalog", "transaction"] = "catalog"
    per_partition: bool | None = None

    @property
    def seconds(self) -> int:
        """``ttl`` in whole seconds."""
        return min(int(_seconds(self.ttl or 0)), MAX_TTL)

    def tags(self, validator: str | datetime.datetime | None, what: str) -> dict[bytes, bytes]:
        """What travels with the first batch of a result.

        Args:
            validator: what :attr:`validator` returned.
            what: names the function in error messages.

        Raises:
            OutputError: it is no validator.
        """
        if self.ttl is None:
            return {metadata.CACHE_NO_STORE: b"1"}
        tags = {metadata.CACHE_TTL: str(self.seconds).encode(), metadata.CACHE_SCOPE: self.scope.encode()}
        if self.per_partition:
            tags[metadata.CACHE_PARTITION_SCOPE] = b"1"
        if validator is None:
            return tags
        if isinstance(validator, str):
            tags[metadata.CACHE_ETAG] = validator.encode()
        elif isinstance(validator, datetime.datetime) and validator.tzinfo is not None:
            tags[metadata.CACHE_LAST_MODIFIED] = _rfc3339(validator)
            # The date has whole seconds, and alone it is not asked for where the ttl is 0.
            tags[metadata.CACHE_ETAG] = validator.astimezone(datetime.UTC).isoformat().encode()
        else:
            raise OutputError(f"{what}: a validator is a text or a datetime with a time zone, not {validator!r:.80}")
        tags[metadata.CACHE_REVALIDATABLE] = b"1"
        return tags

    def tags_from(self, known: Mapping[str, Any], what: str) -> dict[bytes, bytes]:
        """The same, with what the validator returns for those of the ``known`` values that it wants.

        Raises:
            OutputError: it returns something else than a validator.
            Exception: whatever it raises.
        """
        if self.validator is None:
            return self.tags(None, what)
        names = inspect.signature(self.validator).parameters
        return self.tags(self.validator(**{name: known[name] for name in names}), what)

    def row_tags(self) -> dict[bytes, bytes]:
        """What travels with every batch of results for rows of arguments."""
        if self.ttl is None:
            return {metadata.CACHE_NO_STORE: b"1"}
        return {
            metadata.CACHE_TTL: str(self.seconds).encode(),
            metadata.CACHE_SCOPE: self.scope.encode(),
            metadata.CACHE_PER_VALUE: b"1",
        }


def still_holds(asked: Mapping[bytes, bytes], tags: Mapping[bytes, bytes]) -> bool:
    """Whether a client that asks with ``asked`` has the result that ``tags`` belong to."""
    etag = asked.get(metadata.CACHE_IF_NONE_MATCH)
    if etag is not None:
        return etag == tags.get(metadata.CACHE_ETAG)
    since = asked.get(metadata.CACHE_IF_MODIFIED_SINCE)
    return since is not None and since == tags.get(metadata.CACHE_LAST_MODIFIED)


def check_cache(
    cache: Any, stability: str, what: str, *, rows: bool = False, partitioned: bool = False, computed: bool = False
) -> None:
    """Refuse a cache that cannot work.

    Args:
        cache: the option; None is none.
        stability: of the function.
        what: names it in error messages.
        rows: it answers rows of arguments, about which the client never asks again.
        partitioned: it has partitions, so that ``per_partition`` has one.
        computed: it is for one call, and may be of no use.

    Raises:
        DeclarationError: it cannot.
    """
    if cache is None:
        return
    if not isinstance(cache, Cache):
        raise DeclarationError(f"{what}: cache= takes a dw.Cache, such as dw.Cache(ttl=60), not {cache!r:.80}")
    if stability == "volatile":
        raise DeclarationError(f"{what} is volatile, so its results must not be used again; leave out cache=")
    if cache.ttl is None and not rows:
        return
    ttl = None if cache.ttl is None else _seconds(cache.ttl)
    if not isinstance(ttl, (int, float)) or isinstance(ttl, bool) or not 0 <= ttl < float("inf"):
        raise DeclarationError(f"{what}: the ttl of a cache is a number of seconds or a timedelta, not {cache.ttl!r}")
    if rows and cache.validator is not None:
        raise DeclarationError(f"{what}: DuckDB asks whether results still hold of table functions only; give a ttl=")
    if ttl < 1 and cache.validator is None and not computed:
        raise DeclarationError(f"{what}: a cache with a ttl below one second needs a validator= to be of any use")
    if cache.validator is not None and not callable(cache.validator):
        raise DeclarationError(
            f"{what}: validator= is called to learn the version of the result; it must be a function"
        )
    if cache.scope not in ("catalog", "transaction"):
        raise DeclarationError(f"{what}: the scope of a cache is 'catalog' or 'transaction', not {cache.scope!r}")
    if partitioned and cache.per_partition is None:
        raise DeclarationError(
            f"{what} has partitions, and DuckDB 1.5 ends with an internal error when GROUP BY of them reads a result "
            "that it has kept; leave out cache= or partition_by=, or say per_partition=True if nobody groups by them"
        )
    if cache.per_partition and not partitioned:
        raise DeclarationError(f"{what}: per_partition= needs partition_by=, with single partitions")


def _seconds(ttl: float | datetime.timedelta) -> float:
    return ttl.total_seconds() if isinstance(ttl, datetime.timedelta) else ttl


def _rfc3339(moment: datetime.datetime) -> bytes:
    return moment.astimezone(datetime.UTC).isoformat(timespec="seconds").replace("+00:00", "Z").encode()
