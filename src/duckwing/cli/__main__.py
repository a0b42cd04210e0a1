"""``python -m duckwing.cli``: the same as ``duckwing``, where no script is installed."""

from __future__ import annotations

import sys

from . import main

sys.exit(main())
