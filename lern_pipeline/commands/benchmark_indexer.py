"""``lern-pipeline benchmark indexer``."""

from __future__ import annotations

import argparse
import json

from lern_pipeline.benchmark.indexer import Options, run
from lern_pipeline.commands.session import quiet_libraries, to_stderr


def benchmark(arguments: argparse.Namespace) -> int:
    """Run it and print the figures; ratios are what counts."""
    quiet_libraries()
    figures = run(Options(arguments.users, arguments.seed, not arguments.loaded), to_stderr)
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for name, value in figures.items():
        if isinstance(value, dict):
            value = ", ".join(f"{part} {figure:.2f}" for part, figure in value.items())
        print(f"{name.replace('_', ' '):<34} {value}")
    return 0
