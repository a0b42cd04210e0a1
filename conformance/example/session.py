"""Scalar functions of ``example`` that know more than their arguments: settings, secrets, the caller."""

from __future__ import annotations

import json
from typing import Annotated

import pyarrow as pa

import duckwing as dw

from .catalog import example

ExampleSecret = Annotated[dw.Secret, dw.Lookup("vgi_example")]


@example.scalar(settings=["multiplier"])
def multiply_by_setting(value: pa.Int64Array, *, ctx: dw.Context) -> pa.Int64Array:
    """Multiply the input value by a setting value"""
    import pyarrow.compute as pc

    return pc.multiply_checked(value, ctx.settings["multiplier"])


@example.scalar(settings=["scale_factor"])
def scale_by_setting(value: pa.DoubleArray, *, ctx: dw.Context) -> pa.DoubleArray:
    """Scale the input value by the float setting `scale_factor`"""
    import pyarrow.compute as pc

    return pc.multiply(value, ctx.settings["scale_factor"])


@example.scalar
def return_secret_value(*, secret: ExampleSecret) -> str:
    """Return a secret's value"""
    return json.dumps(dict(secret))


@example.scalar
def secret_field(*, secret: ExampleSecret) -> str:
    """Look up secret fields by name"""
    return f"port={secret.get('port', '')};name={secret.get('secret_string', '')}"


@example.scalar
def whoami(x: int, *, ctx: dw.Context) -> str:
    """The name of the caller."""
    return ctx.caller.principal or "anonymous"
