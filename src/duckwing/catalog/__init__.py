"""What a worker offers: catalogs, their schemas, and the functions in them."""

from __future__ import annotations
