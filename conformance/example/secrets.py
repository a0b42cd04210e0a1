"""Functions of ``example`` in FROM that ask for secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import pyarrow as pa

import duckwing as dw
from duckwing.types import BOOLEAN, VARCHAR

from .catalog import example, example_secret, plain

Wanted = Annotated[dw.Secret, dw.Lookup("vgi_example")]
WantedForPath = Annotated[dw.Secret, dw.Lookup("vgi_example", scope="path")]


@plain(columns={"key": VARCHAR, "value": VARCHAR, "arrow_type": VARCHAR})
def secret_demo(*, secret: Wanted | None) -> Iterator[tuple[str, str, str]]:
    """The fields of a secret, one in a row."""
    for key, value in ({} if secret is None else secret).items():
        type = example_secret.parameters.get(key, VARCHAR)
        yield key, pa.scalar(value, type).cast(VARCHAR).as_py(), str(type)


@plain(columns={"scope": VARCHAR, "found": BOOLEAN, "secret_keys": VARCHAR})
def scoped_secret_demo(path: str, *, secret: WantedForPath | None) -> Iterator[tuple[str, bool, str]]:
    """Which secret there is for a path."""
    yield path, secret is not None, ",".join(secret or ())


@plain(columns={"api_key": VARCHAR})
def multi_secret_demo(
    path: str,
    *,
    a: Annotated[dw.Secret, dw.Lookup("vgi_example", path="s3://bucket-a/")] | None,
    b: Annotated[dw.Secret, dw.Lookup("vgi_example", path="s3://bucket-b/")] | None,
) -> Iterator[tuple[str]]:
    """The key of the one of two buckets in which a path is."""
    fitting = [s for s in (a, b) if s is not None and any(map(path.startswith, s.scopes))]
    yield (fitting[0].get("api_key", "") if fitting else "",)


@example.table_in_out(columns=lambda data: data.append(pa.field("secret_string", VARCHAR)), projection=False)
def secret_in_out(data: pa.RecordBatch, *, secret: Wanted | None) -> pa.RecordBatch:
    """The rows, each with a text of a secret."""
    text = None if secret is None else secret.get("secret_string")
    return data.append_column("secret_string", pa.array([text] * data.num_rows, VARCHAR))
