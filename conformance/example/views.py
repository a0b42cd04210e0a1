"""The views and macros of ``example``."""

from __future__ import annotations

from .catalog import data, example

example.view(
    "first_ten",
    "SELECT * FROM sequence(10)",
    comment="First 10 integers",
    column_comments={"n": "Sequence index 0..9"},
    tags={"layer": "demo", "origin": "sequence"},
)
example.view("even_numbers", "SELECT * FROM sequence(100) WHERE n % 2 = 0", comment="Even numbers from 0 to 98")
data.view(
    "small_numbers",
    "SELECT * FROM numbers WHERE value < 10",
    comment="Numbers less than 10",
    column_comments={"value": "Single-digit value 0..9"},
)

example.macro("vgi_multiply", ["x", "y"], "x * y", docs={"x": "First factor", "y": "Second factor"})
example.macro(
    "vgi_clamp",
    {"val": ..., "lo": 0, "hi": 100},
    "GREATEST(lo, LEAST(hi, val))",
    docs={"val": "Value to clamp", "lo": "Lower bound (inclusive)", "hi": "Upper bound (inclusive)"},
)
example.macro("vgi_range_table", ["n"], "SELECT * FROM range(n)", docs={"n": "Number of rows to generate"})
