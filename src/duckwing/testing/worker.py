"""A worker of one function, in this process: its calls without transport, and its errors as they were raised."""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..catalog.declared import Catalog
from ..catalog.schema import Function
from ..errors import ArgumentError
from ..functions.secrets import Lookup, Secret, choose_secret, secrets_batch
from ..functions.settings import Setting
from ..protocol import VGI
from ..protocol.attach import CatalogAttachRequest
from ..protocol.calls import BindRequest, BindResponse, GlobalInitResponse, InitRequest
from ..rpc.call import LEVELS, Call, Identity, Stream
from ..rpc.codec import Record, decode, encode, encode_batch
from ..service import Service
from ..state.directory import ScopeDirectories
from ..types.values import array_of_one, from_values

LOGGER = "duckwing.testing"
"""The logger of Python that gets what functions log, so that pytest's ``caplog`` sees it."""

_PYTHON_LEVELS = dict(zip(LEVELS, (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, 5), strict=True))


class InProcessWorker:
    """Serves one function to one caller. Calls run the handlers of a real worker on decoded records.

    Args:
        function: what it serves.
        catalog: the catalog whose name and settings it takes over; None: it declares what ``settings`` has.
        settings: values that are set.
        secrets: what the caller keeps with CREATE SECRET.
        caller: who calls.

    Raises:
        ArgumentError: the catalog has no such setting, or a value is not of its type.
    """

    def __init__(
        self,
        function: Function,
        catalog: Catalog | None,
        settings: Mapping[str, Any],
        secrets: Iterable[Secret],
        caller: Identity,
    ):
        served = Catalog(catalog.catalog_name if catalog is not None else "test")
        served.add(function)
        for setting in _declarations(catalog, settings):
            served.setting(setting.name, setting.type, default=setting.default, description=setting.description)
        self.schema = served.name
        self.settings = _settings_batch(served, settings)
        self._secrets = list(secrets)
        self._caller = caller
        self._service = _Service([served])
        _, self._handlers = self._service.server().hosted()[VGI.name]
        attached = self.call("catalog_attach", CatalogAttachRequest(served.catalog_name))
        self.attachment: bytes = attached.attach_opaque_data

    def close(self) -> None:
        """Remove what the calls have left on disk and in memory."""
        self._service.close()

    def call(self, method: str, request: Record) -> Any:
        """The answer of a unary method.

        Raises:
            Exception: whatever the function or Duckwing raises.
        """
        call = _Call({}, "test", self._caller)
        call.method = method
        try:
            answer = self._handlers[method](call, decode(type(request), encode(request)))
        finally:
            call.answered()
        return decode(type(answer), encode(answer))

    @contextmanager
    def open(self, request: InitRequest) -> Iterator[Stream]:
        """The stream that ``init`` opens; it is closed at the end of the block."""
        call = _Call({}, "test", self._caller)
        call.method = "init"
        stream: Stream = self._handlers["init"](call, decode(InitRequest, encode(request)))
        try:
            yield stream
        finally:
            stream.close()

    def bind(self, request: BindRequest) -> InitRequest:
        """Bind a call, in two phases where it asks for secrets (spec 05, section 3.5).

        Returns:
            The request that starts the function.
        """
        response: BindResponse = self.call("bind", request)
        if response.lookup_secret_types:
            lookups = zip(response.lookup_secret_types, response.lookup_scopes, response.lookup_names, strict=True)
            found = [self._look_up(Lookup(type_, name=name or None), scope) for type_, scope, name in lookups]
            request = dataclasses.replace(
                request, secrets=secrets_batch(s for s in found if s is not None), resolved_secrets_provided=True
            )
            response = self.call("bind", request)
        return InitRequest(
            bind_call=encode(request), output_schema=response.output_schema, bind_opaque_data=response.opaque_data
        )

    def secrets(self, lookups: Iterable[Lookup]) -> bytes | None:
        """The secrets that go with the only bind of an aggregate."""
        found = (self._look_up(lookup, None) for lookup in lookups)
        return secrets_batch(secret for secret in found if secret is not None)

    def _look_up(self, lookup: Lookup, scope: str | None) -> Secret | None:
        return choose_secret(self._secrets, lookup, scope or None)


def execution_of(stream: Stream) -> bytes:
    """The id of the execution that a stream belongs to."""
    assert isinstance(stream.header, GlobalInitResponse)
    return stream.header.execution_id


def _declarations(catalog: Catalog | None, values: Mapping[str, Any]) -> Iterable[Setting]:
    if catalog is not None:
        for name in values:
            if name.casefold() not in catalog.settings:
                raise ArgumentError(f"catalog '{catalog.catalog_name}' has no setting '{name}'")
        return catalog.settings.values()
    return [Setting(name, array_of_one(value).type, None, "") for name, value in values.items()]


def _settings_batch(catalog: Catalog, values: Mapping[str, Any]) -> bytes | None:
    if not values:
        return None
    arrays = []
    for name, value in values.items():
        setting = catalog.settings[name.casefold()]
        arrays.append(from_values([value], setting.type, f"setting '{name}'"))
    return encode_batch(pa.RecordBatch.from_arrays(arrays, names=list(values)))


class _Call(Call):
    """A call whose log messages go to Python's logging."""

    def log(self, level: str, message: str, extra: Mapping[str, Any] | None = None) -> None:
        super().log(level, message, extra)
        logger = logging.getLogger(LOGGER)
        if logger.hasHandlers():  # without any, Python would print warnings
            logger.log(_PYTHON_LEVELS[level], "%s", message)


class _Service(Service):
    """A service whose state is in a temporary folder, made when something is kept."""

    @functools.cached_property
    def scopes(self) -> ScopeDirectories:
        return ScopeDirectories(self._folder)

    @functools.cached_property
    def _folder(self) -> Path:
        return Path(tempfile.mkdtemp(prefix="duckwing-testing-"))

    def close(self) -> None:
        """Remove the folder, and its twin in memory."""
        if "scopes" in vars(self):
            shutil.rmtree(self.scopes.memory, ignore_errors=True)
            del self.scopes
        if "_folder" in vars(self):
            shutil.rmtree(self._folder, ignore_errors=os.name == "nt")
