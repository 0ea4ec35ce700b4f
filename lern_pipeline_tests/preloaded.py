"""What every ``drain`` loads; importing this module loads it, for a process that forks them."""

from __future__ import annotations

import gc

import lern_pipeline.commands.drain  # noqa: F401
from lern_pipeline.launcher.fork_server import preload_libraries

preload_libraries()
gc.collect()
# Otherwise the collector would touch, and so copy, these objects' pages in every fork.
gc.freeze()
