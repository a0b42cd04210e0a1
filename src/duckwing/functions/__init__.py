"""What authors write: functions, declared by decorators and described by their signatures."""

from __future__ import annotations
