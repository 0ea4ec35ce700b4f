"""What every ``drain`` loads; importing this module loads it, for a process that forks them."""

from __future__ import annotations

import gc
import importlib

from dagster._core.storage.sql import ALEMBIC_SCRIPTS_LOCATION

import lern_pipeline.commands.drain  # noqa: F401
from lern_pipeline.launcher.fork_server import PRELOADED
from lern_pipeline.launcher.migrations import remember_migrations

for _name in PRELOADED:
    importlib.import_module(_name)
remember_migrations([ALEMBIC_SCRIPTS_LOCATION])
gc.collect()
# Otherwise the collector would touch, and so copy, these objects' pages in every fork.
gc.freeze()
