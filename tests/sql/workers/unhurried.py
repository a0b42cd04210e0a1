"""An aggregate in a process that still has something to do when the client has read an answer."""

import time

import pyarrow as pa

import duckwing as dw
from duckwing.rpc.call import Call

unhurried = dw.Catalog("unhurried")

_answered = Call.answered


def _answered_later(call: Call) -> None:
    time.sleep(0.1)
    _answered(call)


Call.answered = _answered_later  # type: ignore[assignment, method-assign]


@unhurried.aggregate
class total:
    sum: dw.PerGroup[int] = 0

    def update(self, groups: dw.Groups, value: pa.Int64Array) -> None:
        groups.add(self.sum, value)

    def result(self, groups: dw.Groups) -> pa.Int64Array:
        return groups.take(self.sum)
