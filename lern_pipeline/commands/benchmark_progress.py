"""``lern-pipeline benchmark progress``."""

from __future__ import annotations

import argparse
import json

from lern_pipeline.benchmark.progress import Options, run
from lern_pipeline.commands.session import quiet_libraries, to_stderr


def benchmark(arguments: argparse.Namespace) -> int:
    """Run it and print the medians; ratios are what counts."""
    quiet_libraries()
    figures = run(
        Options(
            arguments.events,
            arguments.batch_size,
            arguments.events_per_learner,
            arguments.runs,
            arguments.seed,
            not arguments.without_limits,
        ),
        to_stderr,
    )
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for name, value in figures.items():
        if isinstance(value, dict):
            value = ", ".join(f"{part} {figure:.3f}" for part, figure in value.items())
        if name != "runs":
            print(f"{name.replace('_', ' '):<34} {value}")
    return 0
