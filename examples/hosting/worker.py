"""What the image serves."""

import math
from typing import Any

import numpy as np

import duckwing as dw
from duckwing.types import BIGINT

primes = dw.Catalog("primes", comment="A worker for a team")


@primes.scalar
def is_prime(n: int) -> bool:
    """Whether a number is one."""
    return n > 1 and all(n % divisor for divisor in range(2, math.isqrt(n) + 1))


@primes.table_function(columns={"prime": BIGINT})
class primes_up_to:  # noqa: N801
    """The primes up to a number. A class, so that any process and any machine can go on with a scan."""

    begin: int = 2

    BLOCK = 100_000

    def __init__(self, last: int) -> None:
        self.last = last

    def next(self) -> dict[str, Any] | None:
        """Those of the next block."""
        if self.begin > self.last:
            return None
        end = min(self.begin + self.BLOCK, self.last + 1)
        found = np.ones(end - self.begin, bool)
        for divisor in range(2, math.isqrt(end - 1) + 1):
            first = max(divisor * divisor, -(-self.begin // divisor) * divisor)
            found[first - self.begin :: divisor] = False
        numbers = np.flatnonzero(found) + self.begin
        self.begin = end
        return {"prime": numbers}
