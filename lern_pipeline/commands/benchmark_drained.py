"""``lern-pipeline benchmark progress``, ``assessments`` and ``reconciliation``."""

from __future__ import annotations

import argparse
import json

from lern_pipeline.benchmark.assessments import ASSESSMENTS
from lern_pipeline.benchmark.drained import Benchmark, Options, run
from lern_pipeline.benchmark.progress import PROGRESS
from lern_pipeline.benchmark.reconciliation import RECONCILIATION
from lern_pipeline.commands.session import quiet_libraries, to_stderr


def progress(arguments: argparse.Namespace) -> int:
    """Course progress."""
    return _benchmark(PROGRESS, arguments)


def assessments(arguments: argparse.Namespace) -> int:
    """Attempts at assessments."""
    return _benchmark(ASSESSMENTS, arguments)


def reconciliation(arguments: argparse.Namespace) -> int:
    """Enrolments recomputed."""
    return _benchmark(RECONCILIATION, arguments)


def _benchmark(benchmark: Benchmark, arguments: argparse.Namespace) -> int:
    """Run it and print the medians; ratios are what counts."""
    quiet_libraries()
    figures = run(
        benchmark,
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
