"""The worker of ``example``, which speaks a protocol that no client knows."""

from __future__ import annotations

import dataclasses

from example import example

import duckwing as dw
import duckwing.service
from duckwing.protocol import VGI

vars(duckwing.service)["VGI"] = dataclasses.replace(VGI, version="99.0.0")

if __name__ == "__main__":
    dw.Worker(example).run()
