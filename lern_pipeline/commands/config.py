"""``lern-pipeline config``: the effective configuration and where each value comes from."""

from __future__ import annotations

import argparse
import sys

from lern_pipeline.jobs.all_jobs import job_named
from lern_pipeline.settings import load_configuration
from lern_pipeline.settings.show import print_configuration


def config(arguments: argparse.Namespace) -> int:
    """Print it, secrets masked."""
    job = job_named(arguments.job).name if arguments.job else None
    print_configuration(load_configuration(), job, arguments.json, sys.stdout)
    return 0
