"""Two catalogs with one function name: a call must reach the catalog through which it was made."""

from __future__ import annotations

import duckwing as dw

twin_a = dw.Catalog("twin_a")
twin_b = dw.Catalog("twin_b")


@twin_a.scalar(name="test_same_name_catalog")
def of_twin_a(value: int) -> str:
    """Catalog-disambiguation probe; the twin_a implementation"""
    return f"twin_a:{value}"


@twin_b.scalar(name="test_same_name_catalog")
def of_twin_b(value: int) -> str:
    """Catalog-disambiguation probe; the twin_b implementation"""
    return f"twin_b:{value}"
