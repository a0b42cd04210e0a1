"""``duckwing profile``: what the processes of a worker have spent their time on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..errors import Error
from ..process.profiling import SUFFIX, WAITING


@dataclass
class Profile:
    """What was seen of all processes together; microseconds.

    Attributes:
        own: time in which each function itself worked.
        within: of each function with all that it calls.
        waiting: time in which each function waited: for input, for a lock, for a processor.
        processes: how many there were.
    """

    own: Counter[str] = field(default_factory=Counter)
    within: Counter[str] = field(default_factory=Counter)
    waiting: Counter[str] = field(default_factory=Counter)
    processes: int = 0

    def add(self, line: str) -> None:
        """Take a line of folded stacks.

        Raises:
            ValueError: it is none.
        """
        stack, _, text = line.rpartition(" ")
        _, *frames = stack.split(";")
        microseconds = int(text)
        if frames[-1:] == [WAITING]:
            self.waiting.update(dict.fromkeys(frames[-2:-1], microseconds))
            return
        self.own.update(dict.fromkeys(frames[-1:], microseconds))
        self.within.update(dict.fromkeys(frames, microseconds))


def profile(folder: Path, top: int) -> None:
    """Print the functions that took most time.

    Args:
        folder: with the files of the processes.
        top: how many functions.

    Raises:
        Error: there are none, or a file is something else.
    """
    found = read_profile(folder)
    total = sum(found.own.values())
    console = Console(soft_wrap=True, markup=False, highlight=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("Function", overflow="fold")
    for title in ("Own", "", "With callees", "", "Waiting"):
        table.add_column(title, justify="right", no_wrap=True)
    chosen = [name for name, _ in found.own.most_common(top)]
    for name in chosen:
        own, within, waiting = found.own[name], found.within[name], found.waiting[name]
        table.add_row(
            name, _seconds(own), _share(own, total), _seconds(within), _share(within, total), _seconds(waiting)
        )
    console.print(table)
    plural = "" if found.processes == 1 else "es"
    console.print(
        f"{_seconds(total)} of work in {found.processes} process{plural}; "
        f"flame graphs: open {folder}/*{SUFFIX} with speedscope or flamegraph.pl"
    )


def read_profile(folder: Path) -> Profile:
    """What ``--profile`` has left in a folder.

    Raises:
        Error: as :func:`profile`.
    """
    found = Profile()
    try:
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            found.processes += 1
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                try:
                    found.add(line)
                except ValueError:
                    raise Error(
                        f"{path}, line {number}: expected a stack and microseconds, got {line[:80]!r}"
                    ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise Error(f"cannot read {folder}: {error}") from error
    if not found.processes:
        raise Error(
            f"there is no profile in {folder}; start the worker with --profile {folder}, "
            f"or with DUCKWING_PROFILE={folder} in its environment"
        )
    return found


def _seconds(microseconds: int) -> str:
    return f"{microseconds / 1e6:.3f} s"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""
