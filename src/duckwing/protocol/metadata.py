"""Metadata keys of VGI, on batches and on schema fields; those of the RPC layer are in ``rpc.keys``.

Values are UTF-8 text. A key that ends in ``#b64`` holds base64 (standard alphabet, padded).
"""

# On batches (spec 01, section 3; spec 05, section 15).

PUSHDOWN_FILTERS = b"vgi_pushdown_filters"
"""On ticks: an update of the dynamic filters (base64 in spite of the name; spec 07, section 7)."""

BATCH_INDEX = b"vgi_batch_index"
"""On output of a scan: decimal uint64, the place of the batch in the order of the result."""

PARTITION_VALUES = b"vgi_partition_values#b64"
"""On output of a scan: an IPC stream of two rows, minimum and maximum of the partition columns."""

PARENT_ROW = b"vgi_rpc.parent_row#b64"
"""On output of a row transform: little-endian int32 per row, the input row that it came from."""

STATISTICS_MAX_AGE = b"cache_max_age_seconds"
"""On a batch of column statistics: how long to keep it, decimal seconds (spec 04, section 5.6)."""

# Control of the client's result cache (spec 05, section 16). Flags are ``1`` or absent.

CACHE_TTL = b"vgi.cache.ttl"
"""Fresh for so many whole seconds after the last batch; wins over ``vgi.cache.expires``."""

CACHE_EXPIRES = b"vgi.cache.expires"
"""Fresh until this instant, RFC 3339 in UTC."""

CACHE_NO_STORE = b"vgi.cache.no_store"
"""Flag: never cache; overrides the others."""

CACHE_SCOPE = b"vgi.cache.scope"
"""``catalog`` (the default) or ``transaction``: where the result may be used again."""

CACHE_ETAG = b"vgi.cache.etag"
"""Validator: identifies this state of the result."""

CACHE_LAST_MODIFIED = b"vgi.cache.last_modified"
"""Validator: when the result last changed, RFC 3339 in UTC."""

CACHE_REVALIDATABLE = b"vgi.cache.revalidatable"
"""Flag: the worker can check validators cheaply."""

CACHE_STALE_WHILE_REVALIDATE = b"vgi.cache.stale_while_revalidate"
"""Whole seconds for which a stale result may be used while it is checked."""

CACHE_STALE_IF_ERROR = b"vgi.cache.stale_if_error"
"""Whole seconds for which a stale result may be used if the worker fails."""

CACHE_NOT_MODIFIED = b"vgi.cache.not_modified"
"""Flag, on an output of no rows: the validators still hold."""

CACHE_PARTITION_SCOPE = b"vgi.cache.partition_scope"
"""Flag: also keep the result per partition value."""

CACHE_PER_VALUE = b"vgi.cache.per_value"
"""Flag: also keep one output per distinct input row."""

CACHE_IF_NONE_MATCH = b"vgi.cache.if_none_match"
"""On a first tick or an input batch: the etag of the result that the client has."""

CACHE_IF_MODIFIED_SINCE = b"vgi.cache.if_modified_since"
"""On a first tick or an input batch: ``last_modified`` of the result that the client has."""

# On fields that declare arguments and COPY options (spec 06, section 3.1).

ARG = b"vgi_arg"
"""``named``: the argument is given by name; absent: by position."""

TYPE = b"vgi_type"
"""``table``: a table; ``any``: a value of any type. The field's own type is then null."""

VARARGS = b"vgi_varargs"
"""``true``: the last positional argument, given any number of times."""

CONST = b"vgi_const"
"""``true``: the value must be known at bind."""

DOC = b"vgi_doc"
"""Description; on parameters of macros too."""

DEFAULT = b"vgi_default"
"""Default value as a JSON scalar, for display."""

CHOICES = b"vgi_choices"
"""Allowed values as a JSON array, for display."""

RANGE = b"vgi_range"
"""Numeric bounds as an interval, for display (spec 06, section 3.7)."""

PATTERN = b"vgi_pattern"
"""Regular expression that a text must match, for display."""

# On fields of results.

ANY_RESULT = b"vgi:any"
"""Present, whatever its value: bind decides the type of the result (spec 06, section 4)."""

PARTITION_COLUMN = b"vgi.partition_column"
"""``true``: the column is one that the scan is partitioned by."""

# On columns of tables (spec 04, section 5.2).

IS_ROW_ID = b"is_row_id"
"""Present, whatever its value: the column is the row id."""

COLUMN_DEFAULT = b"default"
"""SQL expression of the column's default."""

GENERATED_EXPRESSION = b"generated_expression"
"""SQL expression of a generated column."""

COMMENT = b"comment"
"""Comment of the column."""

# On parameters of secret types (spec 06, section 11.1).

REDACT = b"redact"
"""``true``: listings of secrets hide the value."""
