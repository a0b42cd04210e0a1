"""Serving any RPC service, over each transport, by the processes that serve workers (docs/rpc.md).

It is in this room because none below knows all transports. Nothing of HTTP is imported unless it is asked for.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..process.memory import attach_to_memory
from ..rpc.call import Handler
from ..rpc.method import Protocol
from ..rpc.server import Server

if TYPE_CHECKING:
    from ..process.http_options import Http
    from ..process.options import Options
    from .app import Application

Hosted = Sequence[tuple[Protocol, Mapping[str, Handler]]]
"""Pairs of a protocol and its handlers by method name, as :class:`~duckwing.rpc.server.Server` takes them."""


def serve(hosted: Hosted, arguments: Sequence[str] | None = None, *, name: str = "service") -> None:
    """Serve protocols until the client leaves, or until a signal or the idle timeout ends it.

    The command line is that of workers: without arguments over standard input and output; ``--unix PATH``,
    ``--tcp [HOST:]PORT`` and ``--http`` listen (docs/serving.md, docs/http.md). Call it last, under
    ``if __name__ == "__main__":``; what listens starts its processes with the same command line.

    Args:
        hosted: the protocols and their handlers.
        arguments: the command line without the program; that of the process by default.
        name: of the service, for people.

    Raises:
        SystemExit: with status 2 if the command line asks for what there is not, and with status 1 if it cannot listen.
    """
    from ..process.options import Logging, parse_options
    from ..process.standard import on_terminal

    options = parse_options(sys.argv[1:] if arguments is None else arguments)
    if options.logging != Logging():
        from ..process.logs import configure_logging

        configure_logging(options.logging)
    if options.http is not None:
        http = options.http
        serve_over_http(options, http, lambda: application(hosted, http, name=name))
    elif options.listen is not None:
        _listen(hosted, options)
    else:
        from ..process.stdio import serve_stdio

        if on_terminal() and not options.quiet:
            print(f"{name} talks Arrow to a program; there is nothing to type here (Ctrl-C ends it).", file=sys.stderr)
        with options.serving():
            serve_stdio(Server(hosted, attach=attach_to_memory))


def _listen(hosted: Hosted, options: Options) -> None:
    if sys.platform == "win32":
        from ..process.unsupervised import serve_unsupervised

        with options.serving():
            serve_unsupervised(options, lambda: Server(hosted))
        return
    from ..process.child import control, serve_connections
    from ..process.options import Unix

    tie = control()
    if tie is None:
        from ..process.serving import serve_socket
        from ..process.starting import start_again

        serve_socket(options, start_again, sys.argv[0])
        return
    # A client at the other end of TCP may be on another machine (spec 01, section 14).
    attach = attach_to_memory if isinstance(options.listen, Unix) else None
    with options.serving():
        serve_connections(Server(hosted, attach=attach), tie)


def serve_over_http(options: Options, http: Http, make: Callable[[], Application]) -> None:
    """Serve an application: as the supervisor of the processes that do, or as one of these.

    Args:
        options: the command line.
        http: how it is served.
        make: makes the application, in each process that serves it.

    Raises:
        SystemExit: with status 1 if a package for it is not installed, or it cannot be served.
    """
    try:
        from . import mounting  # noqa: F401 - makes applications
        from .access import name_requests
        from .serving import bind, check_open, serve, serve_alone, supervise
        from .supervisor import inherited, start_again
    except ModuleNotFoundError as error:
        print(f"serving HTTP needs {error.name}; run: pip install 'duckwing[http]'", file=sys.stderr)
        raise SystemExit(1) from None

    tie = inherited()
    if tie is None and sys.platform != "win32":
        supervise(options, start_again, sys.argv[0], bind(http))
        return
    name_requests()
    app = make()
    check_open(app, http, remote=options.remote)
    with options.serving():
        if tie is None:
            serve_alone(app, options)
        else:
            serve(app, *tie)


def application(hosted: Hosted, http: Http, *, name: str, environment: Mapping[str, str] = os.environ) -> Application:
    """Protocols as an ASGI application. There are no pages for people: those are about catalogs.

    Args:
        hosted: the protocols and their handlers.
        http: how they are served; where it listens is somebody else's business.
        name: of the service, for people.
        environment: configures keys and authentication (docs/authentication.md).

    Raises:
        StateError: the keys are malformed, or cannot be made.
        ConfigurationError: authentication is configured in a way that cannot work.
    """
    from .app import Application
    from .mounting import configured_settings
    from .settings import Served

    settings = replace(configured_settings(http, environment), pages=False)
    server = Server(hosted)
    return Application(Served(name=name, version="", make_server=lambda: server, protocol=hosted[0][0].name), settings)
