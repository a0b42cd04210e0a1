"""Connections to workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..errors import CatalogError
from ..protocol.attach import CATALOG_ATTACH, CatalogAttachRequest, ClientCapabilities
from ..rpc.codec import decode, encode
from .caller import Caller, Source
from .catalog import AttachedCatalog
from .launcher import IDLE_SECONDS
from .locations import parse_location
from .sources import OnLog, Processes, make_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..functions.secrets import Secret
    from ..protocol.catalogs import CatalogInfo
    from .process import WorkerProcess

_CAPABILITIES = ClientCapabilities(engine="duckwing", filter_encodings=("vgi.filters.v2",))


def connect(
    location: str | Sequence[str],
    *,
    on_log: OnLog | None = None,
    idle_timeout: float = IDLE_SECONDS,
    state_directory: str | None = None,
    bearer_token: str | None = None,
) -> WorkerConnection:
    """Connect to a worker.

    ====================================  ==========================================================================
    location                              worker
    ====================================  ==========================================================================
    ``exec duckwing run worker.py``       a command of the shell: started here, a process for each call at a time
    ``["duckwing", "run", "worker.py"]``  the same without a shell
    ``launch:duckwing run worker.py``     shared by all of the user's clients; started by the first, leaves when idle
    ``unix:///run/worker.sock``           listens there already
    ``tcp://localhost:9000``              the same; there is no encryption
    ``https://worker.example/prefix``     serves HTTP there; ``http://`` without encryption
    ====================================  ==========================================================================

    Args:
        location: as in ATTACH, or the arguments of a command.
        on_log: called with each log message of the worker; perhaps by several threads at once.
        idle_timeout: ``launch:`` only: seconds without connections after which a worker that is started here leaves.
        state_directory: ``launch:`` only: where the sockets are; that of DuckDB's extension if None.
        bearer_token: ``http://`` and ``https://`` only: tells the worker who calls. It goes along with every call, so
            let it travel encrypted.

    Returns:
        The connection; leave its ``with`` block to end the processes that it has started.

    Raises:
        LocationError: the location is malformed, or of a kind that this client does not have, or takes no token.
            Whether a worker is there turns out at the first call.
    """
    return WorkerConnection(make_source(parse_location(location), on_log, idle_timeout, state_directory, bearer_token))


class WorkerConnection:
    """A way to a worker. Several threads may make calls at the same time; each call has a connection of its own.

    Attributes:
        rpc: makes calls that have no method here.
    """

    def __init__(self, source: Source[Any]):
        self._source = source
        self.rpc = Caller(source)

    def __enter__(self) -> WorkerConnection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections, and end the processes that were started here."""
        self._source.close()

    @property
    def processes(self) -> Sequence[WorkerProcess]:
        """The worker processes that were started here and have not been given up; none for other locations."""
        return self._source.processes if isinstance(self._source, Processes) else ()

    def catalogs(self) -> list[str]:
        """Names of the catalogs that the worker serves."""
        return [info.name for info in self.catalog_infos()]

    def catalog_infos(self) -> list[CatalogInfo]:
        """What the worker says of its catalogs without attaching them: versions, options, releases."""
        from ..protocol.catalogs import CATALOG_CATALOGS, CatalogInfo
        from ..rpc.method import NoParams

        return [decode(CatalogInfo, item) for item in self.rpc.call(CATALOG_CATALOGS, NoParams()).items]

    def attach(
        self,
        name: str | None = None,
        *,
        options: Mapping[str, Any] | None = None,
        data_version: str | None = None,
        implementation_version: str | None = None,
        settings: Mapping[str, Any] | None = None,
        secrets: Iterable[Secret] = (),
    ) -> AttachedCatalog:
        """Attach a catalog.

        Args:
            name: of the catalog; None: the only one.
            options: values for the ATTACH options that it declares.
            data_version: which version of its data is wanted.
            implementation_version: which version of its code is wanted.
            settings: values for the settings that it declares, as SET gives them; the others have their defaults.
            secrets: what the caller has, as CREATE SECRET makes it, for functions that ask.

        Raises:
            CatalogError: it has no such option or setting, or there are several catalogs and no name.
            ArgumentError: a value is not of the declared type.
            RemoteError: the worker refuses, for example because it does not serve the catalog.
        """
        from .session import Session, settings_batch

        if name is None:
            names = self.catalogs()
            if len(names) != 1:
                raise CatalogError(f"the worker serves {', '.join(names) or 'no catalogs'}; name the one to attach")
            [name] = names
        request = CatalogAttachRequest(
            name,
            self._options(name, options) if options else None,
            data_version,
            implementation_version,
            encode(_CAPABILITIES),
        )
        about = self.rpc.call(CATALOG_ATTACH, request)
        values = settings_batch(about, settings or {}) if settings or about.settings else None
        return AttachedCatalog(Session(self.rpc, about, values, tuple(secrets)))

    def _options(self, name: str, options: Mapping[str, Any]) -> pa.RecordBatch:
        """The options in their declared types, sorted by name, as the extension sends them (spec 04, section 3.2)."""
        from .inputs import one_value

        infos = [info for info in self.catalog_infos() if info.name.casefold() == name.casefold()]
        specs = {spec.name.casefold(): spec for info in infos for spec in info.attach_option_specs}
        given: dict[str, pa.Array] = {}
        for option, value in options.items():
            spec = specs.get(option.casefold())
            if spec is None:
                known = ", ".join(spec.name for spec in specs.values()) or "(none)"
                raise CatalogError(f"catalog '{name}' has no option '{option}'; it has {known}")
            given[spec.name] = one_value(value, spec.type.field(0).type, f"option '{spec.name}'")
        return pa.RecordBatch.from_arrays([given[key] for key in sorted(given)], names=sorted(given))
