"""Catalogs that an author declares in Python."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from ..errors import DeclarationError
from ..functions.about import check_name, check_tags, check_text
from ..functions.settings import Setting, declare_setting
from .schema import Function, Schema

if TYPE_CHECKING:
    from ..functions.attach_options import AttachOption
    from ..functions.context import Context
    from ..functions.secrets import SecretType
    from ..protocol.catalogs import AttachedCatalog
    from .formats import CopyFormat
    from .providers import Mount, TableProvider
    from .versions import Release


DECLARED_VERSION = 1
"""Declared catalogs do not change while their process lives. (0 would mean "unknown", and no result be used again.)"""


class Catalog(Schema):
    """What ``ATTACH`` makes visible. A catalog is its own default schema.

    Args:
        name: the name to attach: ``ATTACH 'name' (TYPE vgi, LOCATION …)``.
        comment: shown in ``duckdb_databases()``.
        tags: free key-value pairs.
        default_schema: name of the schema that the catalog itself is.
        schema_comment: comment on that schema.
        version: version of the author's code, shown by ``vgi_catalogs(…)``; or all versions that users may ask
            for with ``implementation_version``, the default first.
        data_versions: versions of the data that users may ask for with ``data_version_spec``, the default first;
            functions read ``ctx.data_version``, and tables may be there in some of them only.
        data_version_spec: what ``vgi_catalogs(…)`` says of ``data_versions``, such as ``>=1.0.0,<2.0.0``; by default,
            all of them.
        exact_versions: versions are asked for as they are written here; ``1`` or ``^1.2.0`` is refused.
        releases: what ``vgi_catalogs(…)`` tells of them.
        source_url: where the catalog comes from.
        transactions: functions may keep ``ctx.state.transaction``. Two more calls for each statement.

    Raises:
        DeclarationError: a name cannot be one, or something else is no string.

    Example:
        ```python
        demo = dw.Catalog("demo", comment="Introductory examples")

        @demo.scalar
        def upper_case(value: pa.StringArray) -> pa.StringArray:
            return pc.utf8_upper(value)
        ```
    """

    def __init__(
        self,
        name: str,
        *,
        comment: str | None = None,
        tags: Mapping[str, str] | None = None,
        default_schema: str = "main",
        schema_comment: str | None = None,
        version: str | Sequence[str] | None = None,
        data_versions: Sequence[str] = (),
        data_version_spec: str | None = None,
        exact_versions: bool = False,
        releases: Iterable[Release] = (),
        source_url: str | None = None,
        transactions: bool = False,
    ):
        super().__init__(default_schema, comment=schema_comment)
        self.catalog_name = check_name(name, "a catalog")
        what = f"catalog '{name}'"
        self.catalog_comment = None if comment is None else check_text(comment, f"{what}: comment=")
        self.catalog_tags = check_tags(tags, what)
        self.versions = _texts(() if version is None else version, f"{what}: version=")
        self.data_versions = _texts(data_versions, f"{what}: data_versions=")
        self.data_version_spec = (
            ", ".join(self.data_versions) or None
            if data_version_spec is None
            else check_text(data_version_spec, f"{what}: data_version_spec=")
        )
        self.exact_versions = exact_versions
        self.releases = tuple(releases)
        self.source_url = None if source_url is None else check_text(source_url, f"{what}: source_url=")
        self.transactions = transactions
        self._schemas: dict[str, Schema] = {default_schema.casefold(): self}
        self._neighbours = self._schemas.values()
        self._settings: dict[str, Setting] = {}
        self._secret_types: dict[str, SecretType] = {}
        self._attach_options: dict[str, AttachOption] = {}
        self._formats: dict[str, CopyFormat] = {}
        self._published: list[tuple[Schema, Function]] = []
        self.global_prefix = ""
        self._companions: list[AttachedCatalog] = []
        self._on_attach: list[Callable[[Mapping[str, Any]], object]] = []
        self._authorize: list[Callable[[Context], object]] = []
        self._on_version: Callable[[Context], int] | None = None

    def schema(self, name: str, *, comment: str | None = None, tags: Mapping[str, str] | None = None) -> Schema:
        """Add a schema.

        Args:
            name: its name in SQL.
            comment: as ``COMMENT ON SCHEMA`` would set it.
            tags: free key-value pairs.

        Raises:
            DeclarationError: the catalog has a schema of that name.
        """
        schema = Schema(name, comment=comment, tags=tags)
        if name.casefold() in self._schemas:
            raise DeclarationError(f"catalog '{self.catalog_name}' already has a schema '{name}'")
        self._schemas[name.casefold()] = schema
        schema._neighbours = self._neighbours
        return schema

    def setting(self, name: str, type: pa.DataType, *, default: Any = None, description: str = "") -> Setting:
        """Add a setting that users set with ``SET name = value`` and functions read as ``ctx.settings[name]``.

        Args:
            name: its name in SQL. Settings belong to the whole database: begin it with the catalog's name.
            type: type of its value, from :mod:`duckwing.types`.
            default: its Python value until somebody sets it; None: it has none.
            description: shown in ``duckdb_settings()``.

        Raises:
            DeclarationError: the catalog has it already, or the default is not of the type.
        """
        check_name(name, "a setting")
        if name.casefold() in self._settings:
            raise DeclarationError(f"catalog '{self.catalog_name}' already has a setting '{name}'")
        setting = declare_setting(name, type, default, description)
        self._settings[name.casefold()] = setting
        return setting

    def secret_type(
        self, name: str, parameters: Mapping[str, pa.DataType], *, redact: Iterable[str] = (), description: str = ""
    ) -> SecretType:
        """Add a type of secret: ``CREATE SECRET (TYPE name, parameter 'value')``.

        Args:
            name: its name in SQL.
            parameters: names and types of what the secret holds.
            redact: the parameters that ``duckdb_secrets()`` must not show.
            description: what it is for.

        Raises:
            DeclarationError: the catalog has it already, or ``redact`` names no parameter.
        """
        from ..functions.secrets import declare_secret_type

        check_name(name, "a secret type")
        if name.casefold() in self._secret_types:
            raise DeclarationError(f"catalog '{self.catalog_name}' already has a secret type '{name}'")
        secret_type = declare_secret_type(name, parameters, redact, description)
        self._secret_types[name.casefold()] = secret_type
        return secret_type

    def mount(self, source: TableProvider | Callable[..., TableProvider], *, schema: Schema | None = None) -> None:
        """Add the tables of a provider, which may come and go while the worker runs.

        Args:
            source: a :class:`duckwing.TableProvider`; or a class or function that makes one, whose parameters
                name options of ATTACH. What a function makes can be written to if the function has ``writes``.
            schema: gets the tables; the default schema if it is None.

        Raises:
            DeclarationError: the schema has a provider already, this is none, or it wants an option that there is not.
        """
        from .providers import declare_mount

        target = self if schema is None else schema
        mount = declare_mount(target.name, source, self._attach_options)
        other = self.schema_source
        if mount.has_schemas and other is not None:
            raise DeclarationError(
                f"catalog '{self.catalog_name}': the provider in schema '{other.name}' has schemas already; a catalog "
                "has one provider with the method schemas"
            )
        target.take(mount)

    def attach_option(
        self,
        name: str,
        type: pa.DataType,
        *,
        default: Any = None,
        required: bool = False,
        secret: bool = False,
        description: str = "",
    ) -> AttachOption:
        """Add an option that users give with ATTACH and functions read as ``ctx.options[name]``.

        Args:
            name: its name in SQL: ``ATTACH 'c' (TYPE vgi, LOCATION …, name value)``.
            type: type of its value, from :mod:`duckwing.types`.
            default: its Python value where the user gives none.
            required: the user must give it.
            secret: its value is kept sealed; the client's log never shows it. DuckDB itself does show the options of
                an ATTACH to who may query ``duckdb_databases()``.
            description: what it is for, shown by ``vgi_catalogs(…)``.

        Raises:
            DeclarationError: the catalog has it already, DuckDB takes it for itself, or the default is not of the type.
        """
        from ..functions.attach_options import declare_attach_option

        check_name(name, "an attach option")
        if name.casefold() in self._attach_options:
            raise DeclarationError(f"catalog '{self.catalog_name}' already has an attach option '{name}'")
        option = declare_attach_option(name, type, default, required, secret, description)
        self._attach_options[name.casefold()] = option
        return option

    def companion(
        self,
        alias: str,
        target: str,
        *,
        type: str = "",
        options: Mapping[str, str] | None = None,
        hidden: bool = False,
        required: bool = True,
        secret: str = "",
    ) -> None:
        """Have DuckDB attach another catalog together with this one, for tables that are read from it.

        Args:
            alias: the name to attach it as; take one that nobody else takes.
            target: path or connection string.
            type: ``duckdb``, ``sqlite``, ``postgres``, ``mysql``, ``ducklake`` or ``iceberg``; from the prefix of
                ``target`` by default.
            options: options of its ATTACH.
            hidden: it can be used by name, but is not listed.
            required: without it, the ATTACH of this catalog fails.
            secret: name of the user's secret whose values go into the options.

        Raises:
            DeclarationError: the catalog has a companion of that alias.
        """
        from ..protocol.catalogs import AttachedCatalog

        check_name(alias, "a companion catalog")
        if any(other.alias == alias for other in self._companions):
            raise DeclarationError(f"catalog '{self.catalog_name}' already has a companion '{alias}'")
        checked = check_tags(options, f"companion '{alias}'")
        self._companions.append(AttachedCatalog(alias, target, type, checked, hidden, required, secret))

    @property
    def companions(self) -> Sequence[AttachedCatalog]:
        """The catalogs that are attached together with this one."""
        return self._companions

    def copy_from(
        self, name: str, *, handler: str | None = None, **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare the reader of a format: ``COPY t FROM 'path' (FORMAT 'catalog.name', option value)``. A decorator.

        The function takes the path, options by name, and yields what a table function may yield; the columns that are
        wanted are ``ctx.target``.

        Args:
            name: of the format.
            handler: what ``vgi_copy_formats()`` calls the function; ``copy_`` and the name by default.
            options: ``comment``, ``tags``, as for :func:`duckwing.table_function`.

        Raises:
            DeclarationError: it cannot be one, or the format has a reader already.

        Example:
            ```python
            @demo.copy_from("lines")
            def read_lines(path: str, *, skip: int = 0):
                for line in Path(path).read_text().splitlines()[skip:]:
                    yield (line,)
            ```
        """
        from .formats import declare_reader, extended

        def declare(function: Callable[..., Any]) -> Callable[..., Any]:
            reader = declare_reader(function, name, **options)
            self._take_format(extended(self._formats.get(name.casefold()), name, handler, reader=reader))
            return function

        return declare

    def copy_to(
        self, name: str, *, handler: str | None = None, ordered: bool = True, **options: Any
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare the writer of a format: ``COPY t TO 'path' (FORMAT 'catalog.name', option value)``. A decorator.

        The function takes all rows, the path, and options by name. It is called once, also if there are no rows;
        what it has begun it must remove itself if it fails.

        Args:
            name: of the format.
            handler: what ``vgi_copy_formats()`` calls the function; ``copy_`` and the name by default.
            ordered: the rows come in the order of their query, handed over by one thread.
            options: ``comment``, ``tags``, as for :func:`duckwing.buffering`.

        Raises:
            DeclarationError: it cannot be one, or the format has a writer already.

        Example:
            ```python
            @demo.copy_to("lines")
            def write_lines(rows: Iterator[pa.RecordBatch], path: str, *, end: str = "\\n"):
                with open(path, "w") as file:
                    for batch in rows:
                        file.writelines(f"{line}{end}" for line in batch.column(0).to_pylist())
            ```
        """
        from .formats import declare_writer, extended

        def declare(function: Callable[..., Any]) -> Callable[..., Any]:
            writer = declare_writer(function, name, ordered=ordered, **options)
            self._take_format(extended(self._formats.get(name.casefold()), name, handler, writer=writer))
            return function

        return declare

    def _take_format(self, format_: CopyFormat) -> None:
        other = next((known for known in self._formats.values() if known.handler == format_.handler), format_)
        if other.name.casefold() != format_.name.casefold():
            raise DeclarationError(
                f"the COPY formats '{other.name}' and '{format_.name}' cannot have one handler, '{format_.handler}'"
            )
        self._formats[format_.name.casefold()] = format_

    @property
    def copy_formats(self) -> Iterable[CopyFormat]:
        """The formats for COPY."""
        return self._formats.values()

    def publish(self, *functions: Function | type[Any], prefix: str = "") -> None:
        """Make functions callable without the catalog's name: ``SELECT prefix_name(…)``, in every schema.

        A name that is taken already is left as it is. The names stay after DETACH; calls then fail.

        Args:
            functions: functions of this catalog. (An aggregate is a class to type checkers.)
            prefix: comes before each name, with an underscore; the names are bare without it.

        Raises:
            DeclarationError: a function is not in the catalog, or there is another prefix already.
        """
        if self._published and prefix != self.global_prefix:
            raise DeclarationError(
                f"catalog '{self.catalog_name}' publishes with the prefix '{self.global_prefix}' already"
            )
        for function in cast("tuple[Function, ...]", functions):
            home = next((schema for schema in self.schemas() if schema.has(function)), None)
            if home is None:
                raise DeclarationError(
                    f"catalog '{self.catalog_name}' cannot publish what it does not have: {function!r:.80}"
                )
            self._published.append((home, function))
        self.global_prefix = prefix

    @property
    def published(self) -> Sequence[tuple[Schema, Function]]:
        """The functions that can be called without the catalog's name, each with its schema."""
        return self._published

    def on_attach(self, hook: Callable[[Mapping[str, Any]], object]) -> Callable[[Mapping[str, Any]], object]:
        """Have ``hook`` called with the options of each ATTACH; what it raises refuses the ATTACH. A decorator.

        Example:
            ```python
            @demo.on_attach
            def check(options):
                if not Path(options["file"]).exists():
                    raise FileNotFoundError(f"no file {options['file']}")
            ```
        """
        self._on_attach.append(hook)
        return hook

    def authorize(self, hook: Callable[[Context], object]) -> Callable[[Context], object]:
        """Have ``hook`` called with each query's call of a function, before its arguments are looked at. A decorator.

        What it raises refuses the call. Scans of tables are calls of the functions behind them. It may be called
        several times for one call, in several processes.

        Example:
            ```python
            @demo.authorize
            def may(ctx: dw.Context) -> None:
                if ctx.function == "salaries" and ctx.caller.principal not in ("ann", "bob"):
                    raise PermissionError(f"{ctx.caller.principal or 'anonymous'} may not call {ctx.function}")
            ```
        """
        self._authorize.append(hook)
        return hook

    def check_caller(self, ctx: Context) -> None:
        """Let the author's hooks refuse a call.

        Raises:
            Exception: whatever a hook raises.
        """
        for hook in self._authorize:
            hook(ctx)

    def on_version(self, hook: Callable[[Context], int]) -> Callable[[Context], int]:
        """Have ``hook`` tell a positive number that changes when columns do that a callable computes. A decorator.

        It is called at the beginning of each transaction that touches the catalog. As long as the number is the same,
        DuckDB keeps what it knows; 0: it asks for all tables again. Without a hook, it knows the columns of declared
        tables as they were when it first asked.

        Raises:
            DeclarationError: there is such a hook already.

        Example:
            ```python
            @demo.on_version
            def version(ctx: dw.Context) -> int:
                return FILE.stat().st_mtime_ns
            ```
        """
        if self._on_version is not None:
            raise DeclarationError(f"catalog '{self.catalog_name}' already has a hook that tells its version")
        self._on_version = hook
        return hook

    def live_version(self, ctx: Context) -> int:
        """A number that changes with what the catalog contains, as far as it is known; 0: it is not."""
        versions = [mount.version(ctx) for mount in self._changing_mounts()]
        if self._on_version is not None:
            versions.append(self._on_version(ctx))
        if not versions:
            return DECLARED_VERSION
        if 0 in versions:
            return 0
        return versions[0] if len(versions) == 1 else zlib.crc32(repr(versions).encode()) + 1

    @property
    def time_travel(self) -> bool:
        """Whether some table has earlier states."""
        return any(schema.has_history for schema in self.schemas())

    @property
    def has_transactions(self) -> bool:
        """Whether the worker must know where a transaction begins and ends."""
        return self.transactions or any(schema.mounted and schema.mounted.writes for schema in self.schemas())

    @property
    def is_dynamic(self) -> bool:
        """Whether tables may come and go, or change, while the worker runs."""
        return self._on_version is not None or bool(self._changing_mounts())

    def _changing_mounts(self) -> list[Mount]:
        """The providers whose tables do not stay as they are."""
        mounts = (schema.mounted for schema in self.schemas())
        return [mount for mount in mounts if mount is not None and not mount.frozen]

    @property
    def version(self) -> str | None:
        """The version of the author's code that users get who ask for none."""
        return self.versions[0] if self.versions else None

    @property
    def attach_options(self) -> Mapping[str, AttachOption]:
        """The options of ATTACH, by name in lower case."""
        return self._attach_options

    def check_attach(self, options: Mapping[str, Any]) -> None:
        """Ask the author's hooks whether a catalog may be attached with these options.

        Raises:
            Exception: whatever a hook raises.
        """
        for hook in self._on_attach:
            hook(options)

    @property
    def settings(self) -> Mapping[str, Setting]:
        """The settings, by name in lower case."""
        return self._settings

    @property
    def secret_types(self) -> Iterable[SecretType]:
        """The types of secrets."""
        return self._secret_types.values()

    def schemas(self) -> Iterator[Schema]:
        """All schemas, the default schema first."""
        return iter(self._schemas.values())

    def find_schema(self, name: str) -> Schema | None:
        """The declared schema of that name, without regard to case."""
        return self._schemas.get(name.casefold())

    @property
    def schema_source(self) -> Schema | None:
        """The schema whose provider has more of them; None: the declared ones are all."""
        return next((found for found in self.schemas() if found.mounted and found.mounted.has_schemas), None)

    def seen_schemas(self, ctx: Context) -> Iterator[Schema]:
        """All schemas that somebody sees, those of a provider too; where it has one of a declared name, the latter."""
        yield from self.schemas()
        source = self.schema_source
        if source is not None and source.mounted is not None:
            for name in source.mounted.schema_names(ctx):
                if name.casefold() not in self._schemas:
                    yield source.mounted_within(name)

    def seen_schema(self, name: str, ctx: Context) -> Schema | None:
        """The schema of that name that somebody sees, without regard to case."""
        declared = self.find_schema(name)
        if declared is not None:
            return declared
        return next((schema for schema in self.seen_schemas(ctx) if schema.name.casefold() == name.casefold()), None)

    def __repr__(self) -> str:
        return f"Catalog({self.catalog_name!r})"


def _texts(value: str | Sequence[str], what: str) -> tuple[str, ...]:
    """One text, or several."""
    if isinstance(value, str):
        return (value,)
    if not isinstance(value, Sequence):
        raise DeclarationError(f"{what} is a string or a list of strings, not {value!r}")
    return tuple(check_text(text, what) for text in value)
