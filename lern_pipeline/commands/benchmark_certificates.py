"""``lern-pipeline benchmark certificates``."""

from __future__ import annotations

import argparse
import json

from lern_pipeline.benchmark.certificates import CertificateOptions, certificates
from lern_pipeline.commands.interruption import heed_signals
from lern_pipeline.commands.session import quiet_libraries, to_stderr


def benchmark(arguments: argparse.Namespace) -> int:
    """Run it and print the figures; the ratio is what counts."""
    quiet_libraries()
    options = CertificateOptions(
        arguments.events, arguments.latency_ms / 1000, arguments.concurrency, arguments.seed, arguments.runs
    )
    heed_signals()
    figures = certificates(options, to_stderr)
    if arguments.json:
        print(json.dumps(figures))
        return 0
    for name, value in figures.items():
        print(f"{name.replace('_', ' '):<40} {value}")
    return 0
