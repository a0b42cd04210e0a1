"""Workers start without pandas, wherever it is installed.

pyarrow imports pandas, if it can, as soon as ``pa.array`` or ``pa.scalar`` gets its first Python object, to see whether
that is a Series. It takes longer than everything else that a worker does before its first answer. Who has a
Series has imported pandas; so pyarrow is told that there is none, and the truth as soon as somebody imports it.
(To guess a type, pyarrow imports pandas all the same: that part of it asks only once. So Duckwing names the type.)
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, cast

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_PANDAS = "pandas"


def import_pandas_late() -> None:
    """Let pyarrow do without pandas until it is imported. It stays so for the process, whose this must be."""
    shim = getattr(pa.lib, "_pandas_api", None)
    if shim is None or _PANDAS in sys.modules or any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        known = shim.have_pandas  # pyarrow looks once, and finds none
    finally:
        finder.hides = False
    if known:
        sys.meta_path.remove(finder)


class _Finder:
    """Finds pandas where all others find it, to be there when it is imported.

    Attributes:
        hides: or has it not be found.
    """

    def __init__(self) -> None:
        self.hides = True
        self._looking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of pandas."""
        if name != _PANDAS or self._looking:
            return None
        if self.hides:
            raise ModuleNotFoundError("pandas is not wanted yet", name=name)
        import importlib.util

        self._looking = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking = False
        if spec is not None and spec.loader is not None:
            spec.loader = cast("Loader", _Loader(spec.loader))
        return spec


class _Loader:
    """Loads pandas, and has pyarrow look for it again."""

    def __init__(self, loader: Loader):
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """The module as its own loader makes it."""
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run it, with its own loader in its place."""
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        try:
            pa.lib._pandas_api.compat  # noqa: B018
        except ImportError:
            return  # one that is too old for pyarrow
        for finder in [finder for finder in sys.meta_path if isinstance(finder, _Finder)]:
            sys.meta_path.remove(finder)
