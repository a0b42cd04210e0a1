"""The smallest worker: what starting one costs."""

import duckwing as dw

one_scalar = dw.Catalog("one_scalar")


@one_scalar.scalar
def twice(value: int) -> int:
    return value * 2


dw.Worker(one_scalar).run()
