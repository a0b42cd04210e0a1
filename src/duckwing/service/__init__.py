"""The protocol's calls, answered from catalogs and functions."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..catalog.declared import Catalog
from ..protocol import VGI
from ..rpc.call import Handler
from ..rpc.method import LazyTable
from ..rpc.server import Server
from .hooks import Hooks

if TYPE_CHECKING:
    from ..rpc.shared_memory import Attach
    from ..state.backend import Backend
    from ..state.living import Client
    from ..state.scope import Scopes
    from .recent import Recent

_HANDLERS = {
    "attach": ("catalog_attach",),
    "catalogs": ("catalog_catalogs", "catalog_detach"),
    "formats": ("catalog_copy_from_formats",),
    "transactions": (
        "catalog_version",
        "catalog_transaction_begin",
        "catalog_transaction_commit",
        "catalog_transaction_rollback",
    ),
    "listing": (
        "catalog_schemas",
        "catalog_schema_get",
        "catalog_schema_contents_functions",
        "catalog_schema_contents_indexes",
        "catalog_schema_contents_macros",
        "catalog_schema_contents_tables",
        "catalog_schema_contents_views",
        "catalog_index_get",
        "catalog_macro_get",
        "catalog_table_get",
        "catalog_table_column_statistics_get",
        "catalog_table_scan_branches_get",
        "catalog_table_scan_function_get",
        "catalog_view_get",
    ),
    "calls": ("bind", "init"),
    "aggregates": (
        "aggregate_bind",
        "aggregate_update",
        "aggregate_combine",
        "aggregate_finalize",
        "aggregate_destructor",
    ),
    "windows": (
        "aggregate_window_init",
        "aggregate_window",
        "aggregate_window_batch",
        "aggregate_window_destructor",
        "aggregate_streaming_open",
        "aggregate_streaming_chunk",
        "aggregate_streaming_close",
    ),
    "buffering": (
        "table_buffering_process",
        "table_buffering_combine",
        "table_buffering_destructor",
    ),
    "scans": (
        "table_function_cardinality",
        "table_function_dynamic_to_string",
        "table_function_statistics",
    ),
    "splits": ("table_function_plan",),
    "ddl": (
        "catalog_schema_create",
        "catalog_schema_drop",
        "catalog_table_comment_set",
        "catalog_table_create",
        "catalog_table_drop",
        "catalog_table_rename",
        "catalog_view_comment_set",
        "catalog_view_create",
        "catalog_view_drop",
        "catalog_view_rename",
    ),
    "alter": (
        "catalog_table_column_add",
        "catalog_table_column_comment_set",
        "catalog_table_column_default_drop",
        "catalog_table_column_default_set",
        "catalog_table_column_drop",
        "catalog_table_column_rename",
        "catalog_table_column_type_change",
        "catalog_table_not_null_drop",
        "catalog_table_not_null_set",
    ),
    "refusals": (
        "catalog_index_create",
        "catalog_index_drop",
        "catalog_macro_create",
        "catalog_macro_drop",
    ),
}


def preload() -> None:
    """Import what the calls of the protocol need, for processes that are forked from this one."""
    import importlib

    import pyarrow.compute  # noqa: F401

    for module in _HANDLERS:
        importlib.import_module(f"{__name__}.{module}")


class Service:
    """Answers the calls of the VGI protocol for a set of catalogs.

    Every answer can be given by a process that has seen no other call: what one call leaves for
    another travels in the bytes of the protocol (spec 03, section 13).

    Args:
        catalogs: what is served.
        hooks: of the worker; none if None.
        stateless: the calls of one stream come one by one, each to any process, and clients are not processes of
            this machine: HTTP.
        backend: where processes of several machines keep what calls leave for each other; None: on this machine.

    Attributes:
        catalogs: as above.
        hooks: as above.
        stateless: as above.
    """

    def __init__(
        self,
        catalogs: Sequence[Catalog],
        hooks: Hooks | None = None,
        *,
        stateless: bool = False,
        backend: Backend | None = None,
    ):
        self.catalogs = catalogs
        self.hooks = hooks if hooks is not None else Hooks()
        self.stateless = stateless
        self._backend = backend
        self._client_pid = 0

    @functools.cached_property
    def executions(self) -> Recent[Any]:
        """The executions that this process served last, by their ids."""
        from .recent import Recent

        return Recent(64)

    @functools.cached_property
    def proven(self) -> Recent[bytes]:
        """The proofs that were found right last, by what they prove."""
        from .recent import Recent

        return Recent(1024)

    @functools.cached_property
    def scopes(self) -> Scopes:
        """What the processes of this worker share."""
        if self._backend is not None:
            from ..state.stored import StoredScopes

            return StoredScopes(self._backend)
        from ..state.directory import ScopeDirectories

        return ScopeDirectories(client=self._client)

    def set_client(self, pid: int) -> None:
        """Say which process of this machine calls from now on, where that is not the one that has started this one.

        Args:
            pid: its id; 0 if it is not known.
        """
        self._client_pid = pid

    def _client(self) -> Client:
        from ..state import living

        if self.stateless:
            return living.UNKNOWN
        return living.client_of(self._client_pid) if self._client_pid else living.client()

    def server(self, attach: Attach | None = None) -> Server:
        """The RPC server with these handlers.

        Args:
            attach: how to attach to memory that a client on this machine shares; None to do without.
        """
        return Server([(VGI, _Handlers(self))], attach=attach)


class _Handlers(Mapping[str, Handler]):
    """The handlers by method name; the module of each is imported when it is first called."""

    def __init__(self, service: Service):
        self._service = service
        self._functions: LazyTable[Any] = LazyTable(
            {f"{__name__}.{module}": names for module, names in _HANDLERS.items()}
        )
        self._made: dict[str, Handler] = {}

    def __getitem__(self, name: str) -> Handler:
        handler = self._made.get(name)
        if handler is None:
            handler = self._made[name] = self._make(name)
        return handler

    def _make(self, name: str) -> Handler:
        handler = functools.partial(self._functions[name], self._service)
        if not self._service.stateless:
            return handler
        from .ownership import for_owner

        return functools.partial(for_owner, self._service, handler)

    def __contains__(self, name: object) -> bool:
        return name in self._functions

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)
