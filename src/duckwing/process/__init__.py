"""A worker as a process: its command line, its standard streams, its signals."""

from __future__ import annotations
