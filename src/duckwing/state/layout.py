"""How the folders of scopes look."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from .living import Client

NEW, GONE = ".new-", ".gone-"
ALIVE = "alive"
ABOUT = "about.json"
ENDED = "ended"


class About(NamedTuple):
    """What a scope's directory says about itself.

    Attributes:
        token: a random name of this directory, never used again. The twin in memory has it in its
            name, so that one left by a directory of the same scope is not taken for the new one's.
        client: of the process that made it.
    """

    token: str
    client: Client

    @classmethod
    def read(cls, path: Path) -> About:
        """What stands in the directory ``path``.

        Raises:
            OSError: there is nothing.
            ValueError, TypeError, KeyError: it is damaged.
        """
        found = json.loads((path / ABOUT).read_bytes())
        return cls(str(found["token"]), Client.from_json(found["client"]))

    def write(self, path: Path) -> None:
        (path / ABOUT).write_text(json.dumps({"token": self.token, "client": list(self.client)}))


def twin_name(name: str, token: str) -> str:
    """How the twin in memory of the directory ``name`` is called."""
    return f"{name}.{token}"


def delete(path: Path) -> None:
    """Delete a folder with all that is in it, and follow no link. What cannot be deleted is left to a sweep."""
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def folders(path: Path) -> list[Path]:
    """The folders in ``path``, no symbolic links.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(path) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
