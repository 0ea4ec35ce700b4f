"""``lern-pipeline benchmark latency``."""

from __future__ import annotations

import argparse
import json

from lern_pipeline.benchmark.latency import Options, run
from lern_pipeline.commands.home import shipped_dagster_yaml
from lern_pipeline.commands.interruption import heed_signals
from lern_pipeline.commands.session import quiet_libraries, to_stderr


def benchmark(arguments: argparse.Namespace) -> int:
    """Run it and print the figures."""
    quiet_libraries()
    options = Options(arguments.events, arguments.rate, arguments.chains, arguments.idle_seconds)
    heed_signals()
    figures = run(options, shipped_dagster_yaml(), to_stderr)
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for name, value in figures.items():
        if isinstance(value, dict):
            value = ", ".join(f"{part} {figure:g}" for part, figure in value.items())
        print(f"{name.replace('_', ' '):<26} {value}")
    return 0
