"""Where a session's time goes, function by function."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable

from benchmarks.cases import exchange

TURNS = 5000
SHOWN = 20

WORKLOADS: dict[str, Callable[[], Callable[[int], float]]] = {
    "scalar-bigint": lambda: exchange.scalar("same_bigint").ours,
    "scalar-varchar": lambda: exchange.scalar("same_varchar").ours,
    "scalar-rows": lambda: exchange.scalar("same_rows").ours,
    "scan-2048": lambda: exchange.scan(exchange.ROWS).ours,
    "scan-100000": lambda: exchange.scan(100_000).ours,
}


def profile(name: str) -> None:
    """Print the functions in which ``TURNS`` turns of a workload spend most of their own time.

    The profiler makes every Python call dearer and leaves C code as it is: read the order, not the sum.
    """
    turns = WORKLOADS[name]()
    turns(TURNS // 10)
    undisturbed = turns(TURNS)
    profiler = cProfile.Profile()
    profiler.enable()
    turns(TURNS)
    profiler.disable()
    print(f"{name}: {undisturbed / TURNS * 1e6:.1f} µs a turn without the profiler; with it:")
    pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(SHOWN)
