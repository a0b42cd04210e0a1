"""The tables of ``data`` over functions whose results DuckDB keeps."""

from __future__ import annotations

import datetime
from typing import Any

from .broken import cache_external_fail
from .cached import (
    cache_big,
    cache_filtered,
    cache_multicol,
    cache_no_store,
    cache_nonce,
    cache_ordered,
    cache_poison,
    cache_projection,
    cache_revalidatable,
    cache_scoped_txn,
    cache_versioned_scan,
    cache_whoami,
    cacheable_numbers,
)
from .catalog import data

_TABLES: tuple[tuple[Any, str], ...] = (
    (cache_big, "Large multi-batch cacheable result (advertises vgi.cache.ttl)"),
    (cache_external_fail, "Cacheable first batch then an unresolvable external-location pointer"),
    (cache_filtered, "Cacheable sequence with static filter pushdown (filter_bytes keying)"),
    (cache_multicol, "Multi-column cacheable result (projection-coverage reuse)"),
    (cache_no_store, "Advertises vgi.cache.no_store — must never be cached"),
    (cache_nonce, "One-row cacheable result whose value changes per real invocation"),
    (
        cache_ordered,
        "Multi-worker order-sensitive cacheable result (batch_index; parallel capture, ordered serve)",
    ),
    (cache_poison, "Cacheable first batch then a mid-stream error (never-partial check)"),
    (cache_projection, "Projection-pushdown cacheable result (SELECT a vs b are distinct keys)"),
    (cache_revalidatable, "Always-revalidate result (304 not_modified reuses stored bytes)"),
    (cache_scoped_txn, "Advertises vgi.cache.scope=transaction"),
    (cache_whoami, "Cacheable result echoing the caller's auth principal (identity-scoped)"),
    (cacheable_numbers, "Cacheable 10-row result advertising vgi.cache.ttl"),
)

for _function, _comment in _TABLES:
    data.table(_function.name, _function, comment=_comment)

for _version, _year in ((1, 2020), (2, 2021), (3, 2022)):
    data.table(
        "cache_versioned",
        cache_versioned_scan,
        args=[_version],
        version=_version,
        since=datetime.date(_year, 1, 1),
        comment="Version-specific cacheable rows (AT-keyed cache isolation)",
    )
