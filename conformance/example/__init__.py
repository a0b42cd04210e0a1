"""The catalog ``example`` with everything in it: importing the package imports the modules that fill it."""

from __future__ import annotations

from . import aggregates as aggregates
from . import broken as broken
from . import buffering as buffering
from . import cached as cached
from . import cached_partitions as cached_partitions
from . import cached_tables as cached_tables
from . import chance as chance
from . import copying as copying
from . import data as data
from . import dynamic as dynamic
from . import generators as generators
from . import global_functions as global_functions
from . import in_out as in_out
from . import parallel as parallel
from . import partitions as partitions
from . import pushdown as pushdown
from . import remembered as remembered
from . import row_ids as row_ids
from . import rows as rows
from . import scalars as scalars
from . import secrets as secrets
from . import session as session
from . import settings as settings
from . import static_rows as static_rows
from . import surroundings as surroundings
from . import tensors as tensors
from . import time_travel as time_travel
from . import views as views
from .catalog import example as example
