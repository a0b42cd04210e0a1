"""Running an author's code as a worker, with standard output taken before its first line."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from .lazy_pandas import import_pandas_late
from .standard import on_terminal, take_standard_streams


def run_script(path: str, arguments: Sequence[str], *, listens: bool = False) -> ModuleType:
    """Run a Python file as ``__main__``, as ``python path arguments…`` would.

    Unless a person is at the terminal, standard input and output are taken first: a ``print``
    while the file is imported must not reach the protocol.

    Args:
        path: the file.
        arguments: what follows it on the command line.
        listens: it will be served over a socket, not over standard input and output.

    Returns:
        The module, as its last line left it.

    Raises:
        OSError: the file cannot be read.
        Exception: whatever the file raises.
    """
    path = os.path.abspath(path)
    with open(path, "rb") as file:
        source = file.read()
    _prepare([path, *arguments], os.path.dirname(path), listens)
    module = ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    code = compile(source, path, "exec", dont_inherit=True)  # the __future__ imports above are not the file's
    exec(code, module.__dict__)  # noqa: S102 - this is what "run" means
    return module


def import_object(name: str, arguments: Sequence[str], *, listens: bool = False) -> Any:
    """Import ``module:object``, from the current folder or from what is installed; otherwise as :func:`run_script`.

    Raises:
        LookupError: the module has no such object.
        Exception: whatever the module raises.
    """
    _prepare([name, *arguments], os.getcwd(), listens)
    module_name, _, path = name.partition(":")
    found: Any = importlib.import_module(module_name)
    for part in path.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise LookupError(f"module {module_name} has no {path!r}") from None
    return found


def _prepare(argv: list[str], folder: str, listens: bool) -> None:
    if not listens and not on_terminal():
        take_standard_streams()
        if sys.platform != "win32":
            from .guard import guard

            guard()
    import_pandas_late()
    sys.argv = argv
    sys.path.insert(0, folder)
