"""Secrets as parameters: ``key: Annotated[dw.Secret, dw.Lookup("s3", scope="path")]``.

The user keeps them with ``CREATE SECRET``; DuckDB looks them up and hands them to the bind of a call
(spec 05, sections 3.5 and 18, and 06, section 11).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..errors import DeclarationError
from ..rpc.codec import encode_batch
from ..types.names import sql_name
from ..types.refusals import refusal


@dataclass(frozen=True)
class Lookup:
    """Which secret a parameter receives.

    Attributes:
        type: its type, as in ``CREATE SECRET (TYPE s3, …)``.
        scope: name of the parameter whose value, a path or URL, the secret must be for.
        name: name of the one secret that is meant.
        path: the path or URL itself, where it is the same in all calls.
    """

    type: str
    scope: str | None = None
    name: str | None = None
    path: str | None = None

    def path_in(self, values: Mapping[str, Any]) -> Any:
        """The path or URL that the secret must be for in a call; None: any.

        Args:
            values: the constant arguments of the call by name.
        """
        return self.path if self.scope is None else values.get(self.scope)


@dataclass(frozen=True)
class SecretParameter:
    """A parameter that receives a secret.

    Attributes:
        name: of the parameter.
        lookup: which secret.
        optional: None is handed over if the user has none.
    """

    name: str
    lookup: Lookup
    optional: bool


class Secret(Mapping[str, Any]):
    """A secret of the user: a mapping of its keys to their values, which it never prints.

    Attributes:
        name: its name in ``CREATE SECRET``.
        type: its type.
        provider: how it was made.
        scopes: the path prefixes that it is for; none: all.

    Example:
        ```python
        @demo.table_function(columns={"line": VARCHAR})
        def read_bucket(path: str, key: Annotated[dw.Secret, dw.Lookup("s3", scope="path")]):
            client = connect(key["key_id"], key["secret"])
            yield from ((line,) for line in client.lines(path))
        ```
    """

    def __init__(self, name: str, type: str, provider: str, scopes: tuple[str, ...], values: Mapping[str, Any]):
        self.name = name
        self.type = type
        self.provider = provider
        self.scopes = scopes
        self._values = dict(values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secret(name={self.name!r}, type={self.type!r}, keys={sorted(self._values)})"


def read_secrets(batch: pa.RecordBatch) -> list[Secret]:
    """The secrets of a bind: a column of structs for each (spec 06, section 11.3)."""
    secrets: list[Secret] = []
    for column in batch.columns:
        values = column[0].as_py() if len(column) else None
        if values is None:
            continue
        name, type_, provider, scope = (values.pop(key, None) or "" for key in ("name", "type", "provider", "scope"))
        secrets.append(Secret(name, type_, provider, tuple(filter(None, scope.split("\n"))), values))
    return secrets


def choose_secret(secrets: list[Secret], lookup: Lookup, path: str | None) -> Secret | None:
    """The secret for ``lookup``: of those whose scope fits ``path`` the one that says most; None if none does."""
    best: tuple[int, Secret] | None = None
    for secret in secrets:
        if secret.type.casefold() != lookup.type.casefold():
            continue
        if lookup.name is not None and secret.name.casefold() != lookup.name.casefold():
            continue
        fitting = [len(scope) for scope in secret.scopes if path is not None and path.startswith(scope)]
        if secret.scopes and path is not None and not fitting:
            continue
        length = max(fitting, default=0)
        if best is None or length > best[0]:
            best = length, secret
    return best[1] if best else None


@dataclass(frozen=True, eq=False)
class SecretType:
    """A type of secrets that a catalog declares.

    Attributes:
        name: its name in SQL.
        parameters: names and types of what a secret holds.
        redacted: the parameters that DuckDB must not show.
        description: what it is for.
    """

    name: str
    parameters: Mapping[str, pa.DataType]
    redacted: frozenset[str]
    description: str


def declare_secret_type(
    name: str, parameters: Mapping[str, pa.DataType], redact: Iterable[str], description: str
) -> SecretType:
    """Make a :class:`SecretType`.

    Raises:
        DeclarationError: a parameter has no type that DuckDB takes, or ``redact`` names none.
    """
    what = f"secret type '{name}'"
    for key, type_ in parameters.items():
        if not isinstance(type_, pa.DataType):
            raise DeclarationError(f"{what}: parameter '{key}' needs a type from duckwing.types, not {type_!r}")
        reason = refusal(type_)
        if reason is not None:
            raise DeclarationError(f"{what}: parameter '{key}' cannot be {sql_name(type_)}: {reason}")
    redacted = frozenset([redact] if isinstance(redact, str) else redact)
    for key in redacted - set(parameters):
        raise DeclarationError(f"{what}: redact= names '{key}', which is none of its parameters")
    return SecretType(name, dict(parameters), redacted, description)


def secrets_batch(secrets: Iterable[Secret]) -> bytes | None:
    """Secrets as a bind carries them (spec 06, section 11.3); None if there are none."""
    found = {secret.name: secret for secret in secrets}
    if not found:
        return None
    records = [
        {"name": s.name, "provider": s.provider, "scope": "\n".join(s.scopes), "type": s.type, **s}
        for s in found.values()
    ]
    return encode_batch(pa.RecordBatch.from_arrays([pa.array([r]) for r in records], names=list(found)))
