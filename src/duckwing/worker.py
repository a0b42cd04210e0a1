"""The worker: what a process serves, and how it is started."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, TypeVar

from .catalog.declared import Catalog
from .errors import DeclarationError
from .process.memory import attach_to_memory
from .rpc.call import Handler
from .rpc.server import Server
from .service import Service
from .service.hooks import Hooks

if TYPE_CHECKING:
    from .http.app import Application
    from .http.authentication import Authenticator
    from .http.objects import ObjectStore, Offload
    from .process.child import Control
    from .process.http_options import Http
    from .process.options import Options
    from .process.threads import Serving
    from .state.backend import Backend

T = TypeVar("T")

MAX_THREADS = 256

STATE_URL = "DUCKWING_STATE_URL"


class Worker:
    """Serves catalogs to DuckDB.

    Args:
        catalogs: at least one; a client attaches each by its name.
        threads: connections that each process of a listening worker serves at a time. More than one is for functions
            that release Python's lock and may be called from several threads at once (docs/serving.md).
        state: where processes of several machines share the state of queries: the URL of a PostgreSQL or Redis
            server, or a backend of one's own (docs/state-stores.md). By default the environment variable
            ``DUCKWING_STATE_URL`` says it; without any, state stays on this machine.

    Attributes:
        has_run: whether a worker, this or another, has served the standard streams; a process has
            them only once.

    Raises:
        DeclarationError: no catalog is given, or two have one name.

    Example:
        ```python
        if __name__ == "__main__":
            dw.Worker(demo).run()
        ```
    """

    has_run: ClassVar[bool] = False

    def __init__(self, *catalogs: Catalog, threads: int = 1, state: str | Backend | None = None):
        for catalog in catalogs:
            if not isinstance(catalog, Catalog):
                raise DeclarationError(f"Worker takes catalogs, not {catalog!r}")
        names = [catalog.catalog_name.casefold() for catalog in catalogs]
        if not names:
            raise DeclarationError("Worker needs at least one catalog: Worker(Catalog('demo'))")
        for name in names:
            if names.count(name) > 1:
                raise DeclarationError(f"Worker has two catalogs named '{name}'; clients could attach only one")
        if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= MAX_THREADS:
            raise DeclarationError(f"threads= is a number from 1 to {MAX_THREADS}, not {threads!r:.80}")
        self.catalogs = catalogs
        self._threads = threads
        self._state = state
        self._hooks = Hooks()
        self._authenticate: Authenticator | None = None
        self._offload: Offload | None = None

    def authenticate(self, check: Authenticator) -> Authenticator:
        """Have ``check`` find out who calls over HTTP.

        It gets what a request presents, and returns an ``Identity`` or raises ``Rejected`` or ``Unavailable``
        (docs/authentication.md). Functions see the identity as ``ctx.caller``.

        Example:
            ```python
            @worker.authenticate
            def check(presented: Presented) -> Identity:
                return Identity("sessions", sessions[bearer_token(presented)], True)
            ```
        """
        self._authenticate = check
        return check

    def offload(self, store: ObjectStore, *, above: int = 1 << 20) -> None:
        """Have large batches travel through an object store where HTTP is served (docs/http.md).

        Answers have a URL in the place of such a batch, and clients put requests there that are larger than
        ``--max-request-bytes``.

        Args:
            store: such as ``S3Objects("bucket")`` of ``duckwing.http.objects``.
            above: bytes of a batch; larger ones do, and those that would make an answer larger than the client takes.

        Raises:
            DeclarationError: ``above`` is no such number.
        """
        from .http.objects import Offload

        if isinstance(above, bool) or not isinstance(above, int) or above < 0:
            raise DeclarationError(f"above= is a number of bytes, not {above!r:.80}")
        self._offload = Offload(store, above)

    def asgi(self, *, prefix: str = "", **options: Any) -> Application:
        """This worker as an ASGI application, for any server, or to be mounted in another application.

        Keys and authentication are configured by the environment (docs/http.md), and by :meth:`authenticate`.

        Args:
            prefix: path under which it is reached, such as ``"/vgi"``; not where the other application tells it.
            options: as the flags of ``--http`` (docs/http.md): ``cors_origins``, ``threads``, ``pages``,
                ``compression``, ``max_request_bytes``, ``max_stream_bytes``.

        Raises:
            DeclarationError: two catalogs could not be attached to one database.
            Error: the environment configures something that cannot work.
        """
        from .process.http_options import Http

        return self._application(Http(prefix=prefix, **options))

    def on_start(self, hook: Callable[[], T]) -> Callable[[], T]:
        """Have ``hook`` called once in each process of the worker, before its first function: to load a model, say.

        Not for ATTACH and listings, which must be fast. What it raises is the error of the call.

        Example:
            ```python
            worker = dw.Worker(demo)

            @worker.on_start
            def load() -> None:
                global model
                model = joblib.load("model.joblib")
            ```
        """
        self._hooks.on_start.append(hook)
        return hook

    def on_stop(self, hook: Callable[[], T]) -> Callable[[], T]:
        """Have ``hook`` called when a process ends that has called a function, the last one first.

        Not when the process is killed.
        """
        self._hooks.on_stop.append(hook)
        return hook

    def service(self) -> Service:
        """What answers the calls of the protocol for these catalogs.

        Raises:
            DeclarationError: two of them could not be attached to one database.
            StateError: the place of shared state is none, or the package for it is not installed.
        """
        self._check_together()
        return Service(self.catalogs, self._hooks, backend=self._backend())

    def _backend(self) -> Backend | None:
        state = self._state if self._state is not None else os.environ.get(STATE_URL)
        if not isinstance(state, str):
            return state
        if not state:
            return None
        from .state.backend import open_backend

        return open_backend(state)

    def _check_together(self) -> None:
        if len(self.catalogs) > 1:
            from .catalog.together import check_together

            check_together(self.catalogs)

    def server(self) -> Server:
        """The RPC server of these catalogs, for transports and tests that drive it themselves."""
        return self.service().server()

    def run(self, arguments: Sequence[str] | None = None) -> None:
        """Serve until the client leaves, or as a listening worker until a signal or the idle timeout ends it.

        Without arguments that is over standard input and output; on a terminal, where a person started it, it first
        says how to attach it. ``--unix PATH`` and ``--tcp [HOST:]PORT`` make it listen (docs/serving.md), ``--http``
        makes it serve HTTP (docs/http.md).

        Args:
            arguments: the command line without the program; that of the process by default.

        Raises:
            SystemExit: with status 2 if the command line asks for what this version does not have, and with status
                1 if it cannot listen.
        """
        from .process.lazy_pandas import import_pandas_late
        from .process.options import Logging, parse_options
        from .process.standard import on_terminal

        Worker.has_run = True
        import_pandas_late()
        options = parse_options(sys.argv[1:] if arguments is None else arguments)
        if options.logging != Logging():
            from .process.logs import configure_logging

            configure_logging(options.logging)
        if options.http is not None:
            self._serve_http(options, options.http)
            return
        if options.listen is not None:
            self._listen(options)
            return
        from .process.stdio import serve_stdio

        if on_terminal() and not options.quiet:
            print(_greeting(self.catalogs), file=sys.stderr)
        service = self.service()
        try:
            with options.serving():
                serve_stdio(service.server(attach_to_memory))
        finally:
            self._hooks.stop()

    def _serve_http(self, options: Options, http: Http) -> None:
        from .http.hosting import serve_over_http

        serve_over_http(options, http, lambda: self._application(http))

    def _application(self, http: Http) -> Application:
        from .http.mounting import application

        self._check_together()
        return application(
            self.catalogs,
            self._hooks,
            http,
            threads=self._threads,
            authenticate=self._authenticate,
            backend=self._backend(),
            offload=self._offload,
        )

    def _listen(self, options: Options) -> None:
        if sys.platform == "win32":
            from .process.unsupervised import serve_unsupervised

            try:
                with options.serving():
                    serve_unsupervised(options, lambda: self.service().server())
            finally:
                self._hooks.stop()
            return
        from .process.child import control, serve_connections
        from .process.options import Unix

        tie = control()
        if tie is None:
            from .process.serving import serve_socket
            from .process.starting import start_again

            serve_socket(options, start_again, sys.argv[0])
            return
        attach = attach_to_memory if isinstance(options.listen, Unix) else None

        def serving() -> Serving:
            service = self.service()
            return service.server(attach), service.set_client

        over = True
        try:
            with options.serving():
                if self._threads == 1:
                    server, connected = serving()
                    serve_connections(server, tie, connected=connected)
                else:
                    from .process.threads import serve_in_threads

                    over = serve_in_threads(serving, tie, self._threads)
        finally:
            self._hooks.stop()
        if not over:
            from .process.threads import leave_at_once

            leave_at_once()


def serve_module(module: ModuleType) -> None:
    """Serve what a module declares: its ``Worker``, or a worker of all of its catalogs.

    A module that has run a ``Worker`` itself is left alone.

    Raises:
        DeclarationError: it declares neither, or several workers.
    """
    if Worker.has_run:
        return
    declared = list(vars(module).values())
    workers = list({id(value): value for value in declared if isinstance(value, Worker)}.values())
    catalogs = list({id(value): value for value in declared if isinstance(value, Catalog)}.values())
    if len(workers) == 1:
        workers[0].run()
    elif catalogs and not workers:
        Worker(*catalogs).run()
    else:
        found = "several Workers" if workers else "no Worker and no Catalog"
        raise DeclarationError(
            f"{module.__file__} has {found} at module level; declare a Catalog, or call Worker(…).run()"
        )


def serve_error(error: Exception, file: str, control: Control) -> None:
    """Answer every call with the error that keeps a file from being served.

    Args:
        error: what was raised.
        file: the author's file.
        control: to the supervisor of this process.
    """
    from .process.child import FAILED, serve_connections
    from .process.collector import resume_collector
    from .protocol import VGI

    resume_collector()
    serve_connections(Server([(VGI, _Refusals(_explained(error, file)))], reflection=False), control, ready=FAILED)


class _Refusals(Mapping[str, Handler]):
    """A handler for every method, which refuses the call."""

    def __init__(self, message: str):
        self._message = message

    def __getitem__(self, name: str) -> Handler:
        return self._refuse

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __contains__(self, name: object) -> bool:
        return True

    def _refuse(self, *_: object) -> NoReturn:
        raise DeclarationError(self._message)


def _explained(error: Exception, file: str) -> str:
    import traceback

    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines = [error.lineno]
    place = f"{file}, line {lines[-1]}" if lines else file
    return f"the worker cannot be started: {type(error).__name__}: {error} ({place})"


def _greeting(catalogs: Sequence[Catalog]) -> str:
    import os
    import shlex

    path = os.path.abspath(sys.argv[0])
    location = _literal(f"exec duckwing run {shlex.quote(path)}")
    lines = [
        "This is a VGI worker. It talks Arrow to DuckDB; there is nothing to type here (Ctrl-C ends it).",
        "Attach it in DuckDB with",
    ]
    for catalog in catalogs:
        name = catalog.catalog_name
        alias = name if name.isidentifier() else '"' + name.replace('"', '""') + '"'
        lines.append(f"    ATTACH {_literal(name)} AS {alias} (TYPE vgi, LOCATION {location});")
    lines.append(f"or try it at once with: duckwing sql {shlex.quote(path)}")
    return "\n".join(lines)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
