"""A catalog without anything in it, of which users may ask for a version of the data and of the code."""

from __future__ import annotations

import duckwing as dw

versioned = dw.Catalog(
    "versioned",
    version="1.0.0",
    data_versions=["1.2.0", "1.1.0", "1.0.0"],
    data_version_spec=">=1.0.0,<2.0.0",
    exact_versions=True,
)

if __name__ == "__main__":
    dw.Worker(versioned).run()
