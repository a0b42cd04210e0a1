"""Catalogs of one worker, which the clients that attach several of them share with each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import DeclarationError
from ..types.names import sql_name

if TYPE_CHECKING:
    from .declared import Catalog


def check_together(catalogs: Sequence[Catalog]) -> None:
    """Refuse catalogs that cannot be attached to one database.

    Settings, types of secrets and published functions belong to the whole database. Of two secret types or functions
    of one name it would take the first, without a word (spec 04, sections 11 and 12.1).

    Raises:
        DeclarationError: two catalogs have different ones of one name.
    """
    settings: dict[str, tuple[str, str]] = {}
    secrets: dict[str, tuple[str, object]] = {}
    published: dict[str, tuple[str, object]] = {}
    for catalog in catalogs:
        name = catalog.catalog_name
        for setting in catalog.settings.values():
            type_ = sql_name(setting.type)
            other, known_type = settings.setdefault(setting.name.casefold(), (name, type_))
            if known_type != type_:
                raise DeclarationError(
                    f"setting '{setting.name}' is {known_type} in catalog '{other}' and {type_} in '{name}'; "
                    "settings belong to the whole database: begin their names with the catalog's"
                )
        for secret in catalog.secret_types:
            shape = (sorted((p.casefold(), sql_name(t)) for p, t in secret.parameters.items()), secret.redacted)
            other, known = secrets.setdefault(secret.name.casefold(), (name, shape))
            if known != shape:
                raise DeclarationError(
                    f"secret type '{secret.name}' has other parameters in catalog '{name}' than in '{other}'; DuckDB "
                    "would take those of whichever is attached first. Give one of them another name"
                )
        for _, function in catalog.published:
            public = f"{catalog.global_prefix}_{function.name}" if catalog.global_prefix else function.name
            other, known = published.setdefault(public.casefold(), (name, function))
            if known is not function and other != name:
                raise DeclarationError(
                    f"catalogs '{other}' and '{name}' both publish '{public}'; DuckDB would take that of whichever is "
                    "attached first. Publish one of them with a prefix"
                )
