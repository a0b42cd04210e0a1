"""Where a worker's log goes, and how it looks."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import time

from .options import Logging

MAX_LOG_BYTES = 10 << 20
"""Size at which a log file is moved aside; the one before it is lost then."""


def configure_logging(options: Logging) -> None:
    """Have Python's ``logging`` write to standard error what the command line asks for."""
    if options == Logging():
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Json()
        if options.json
        else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s%(request)s", defaults={"request": ""})
    )
    logging.getLogger().addHandler(handler)
    for name in options.loggers or ("",):
        logging.getLogger(name).setLevel(options.level or "INFO")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if request := getattr(record, "request_id", ""):
            entry["request_id"] = request
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def is_discarded(descriptor: int) -> bool:
    """Whether nobody can read what is written to a descriptor: it leads to the null device, as a launcher has it."""
    try:
        found, nothing = os.fstat(descriptor), os.stat(os.devnull)
    except OSError:
        return True
    return (found.st_dev, found.st_ino) == (nothing.st_dev, nothing.st_ino)


class LogFile:
    """A file that takes the place of standard error, in this process and those that it starts.

    Args:
        path: the file, made with mode 0600 or appended to.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: str):
        self.path = path
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        os.dup2(descriptor, 2)
        os.close(descriptor)
        self.limit()

    def limit(self) -> None:
        """Keep the file from growing for ever. It is copied and cut, as all processes have it open."""
        with contextlib.suppress(OSError):
            if os.fstat(2).st_size > MAX_LOG_BYTES:
                import shutil

                shutil.copyfile(self.path, f"{self.path}.1")
                os.ftruncate(2, 0)
