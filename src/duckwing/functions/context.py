"""What a running function may know of the query that called it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

LogLevel = Literal["ERROR", "WARN", "INFO", "DEBUG", "TRACE"]

Log = Callable[[str, str, Mapping[str, Any]], None]


class Context:
    """The query behind a call. A parameter with this annotation receives it; SQL does not see it.

    Attributes:
        function: name of the function, as SQL calls it.
        catalog: name of the catalog that it belongs to, as the worker declares it.
        rows: number of rows that the current batch asks for (0 in a table function).

    Example:
        ```python
        @demo.scalar
        def checked(value: int, ctx: dw.Context) -> int:
            if value < 0:
                ctx.log("negative value", level="WARN", value=value)
            return value
        ```
    """

    def __init__(self, function: str, catalog: str, log: Log):
        self.function = function
        self.catalog = catalog
        self.rows = 0
        self._log = log

    def log(self, message: str, *, level: LogLevel = "INFO", **fields: Any) -> None:
        """Write to DuckDB's log, where ``CALL enable_logging('VGI')`` shows it in ``duckdb_logs``.

        Args:
            message: the text.
            level: ``ERROR``, ``WARN``, ``INFO``, ``DEBUG`` or ``TRACE``.
            fields: further facts, such as ``path=path``. They are put behind the text, because
                DuckDB shows nothing else of a message; other clients get them as JSON, too.

        Raises:
            ValueError: ``level`` is no level.
        """
        if fields:
            message = f"{message} ({', '.join(f'{name}={value!r}' for name, value in fields.items())})"
        self._log(level, message, fields)
