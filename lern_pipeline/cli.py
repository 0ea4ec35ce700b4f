"""The command ``lern-pipeline``."""

from __future__ import annotations

import argparse
import gc
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from lern_pipeline.commands.interruption import Interrupted
from lern_pipeline.errors import ConfigurationError, LernPipelineError

EPILOG = """\
The configuration is the file or directory that LERN_PIPELINE_CONFIG names; environment variables LERN_PIPELINE_…
override it. DAGSTER_HOME is the directory of the Dagster instance.

Exit codes: 0 done, 1 something failed (the reason is on stderr), 2 the configuration or the call cannot be used.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(
        prog="lern-pipeline",
        description="Sunbird Lern's streaming jobs as micro-batches on Dagster.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, function: str, text: str, json: bool = True) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(function=function)
        if json:
            sub.add_argument("--json", action="store_true", help="the result as one line of JSON on stdout")
        return sub

    up = command("up", "stack:up", "Start local Kafka, Cassandra and Redis where none answers, with schema and topics.")
    up.add_argument(
        "--with",
        dest="also",
        metavar="SERVER",
        action="append",
        choices=["mongo", "opensearch", "keycloak"],
        default=[],
        help="another server too: mongo, for the jobs of Manage Learn (in memory, forgets everything when it stops),"
        " opensearch, for the documents of certificates and course batches, or keycloak, for the accounts of deleted"
        " users",
    )
    command("down", "stack:down", "Stop the local servers that 'up' started.", json=False)
    command("status", "stack:status", "Show which servers answer.")
    drain = command("drain", "drain:drain", "Plan and run every micro-batch that waits now, without a Dagster daemon.")
    drain.add_argument("--job", metavar="NAME", help="only this job (default: all, in the order of the data flow)")
    rerun = command(
        "rerun",
        "drain:rerun",
        "Run one micro-batch again: recomputed with today's state, nothing counted or sent twice.",
    )
    rerun.add_argument("job", metavar="JOB", help="for example activity-aggregate-updater")
    rerun.add_argument("partition_key", metavar="PARTITION_KEY", help="for example 20261122T034510Z_0.1200-1700_1.800")
    rewind = command(
        "rewind", "rewind:rewind", "Set where a job's next micro-batch starts, and say what that repeats.", json=False
    )
    rewind.add_argument("job", metavar="JOB")
    rewind.add_argument("--to", required=True, metavar="POSITION", help="earliest, latest, or a micro-batch's key")
    demo = command(
        "demo",
        "demo:demo",
        "Start the local stack and Dagster, and show a sample course going through; stays with the UI until Ctrl-C.",
        json=False,
    )
    demo.add_argument("--once", action="store_true", help="end when the sample is through; 0 if nothing was lost")
    config = command("config", "config:config", "Print the effective configuration and where each value comes from.")
    config.add_argument("--job", metavar="NAME", help="the settings of this job")
    benchmark = commands.add_parser("benchmark", help="Measure this installation with a seeded workload.")
    _benchmarks(benchmark.add_subparsers(dest="benchmark", required=True, metavar="NAME"))
    return top


def _benchmarks(commands: Any) -> None:
    for name, what in (
        ("progress", "Course progress"),
        ("assessments", "Attempts at assessments"),
        ("reconciliation", "Enrolments recomputed"),
    ):
        text = f"{what}, through drain, beside what the stores allow."
        _drained(commands.add_parser(name, help=text, description=text), name)
    text = "Certificates through drain, with third-party services that take their time: some calls at a time, and one."
    certificates = commands.add_parser("certificates", help=text, description=text)
    certificates.set_defaults(function="benchmark_certificates:benchmark")
    certificates.add_argument(
        "--events", type=int, default=1000, metavar="N", help="requests to publish (default 1000)"
    )
    certificates.add_argument("--latency-ms", type=float, default=50, metavar="N", help="of each answer (default 50)")
    certificates.add_argument("--concurrency", type=int, default=20, metavar="N", help="calls in flight (default 20)")
    certificates.add_argument("--runs", type=int, default=3, metavar="N", help="of several in flight (default 3)")
    certificates.add_argument("--seed", type=int, default=1, metavar="N", help="as for the others")
    certificates.add_argument("--json", action="store_true", help="the result as one line of JSON on stdout")
    text = "All users indexed, beside a loop that only scans and writes. Needs an installation without users."
    indexer = commands.add_parser("indexer", help=text, description=text)
    indexer.set_defaults(function="benchmark_indexer:benchmark")
    indexer.add_argument("--users", type=int, default=100_000, metavar="N", help="users to load (default 100000)")
    indexer.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed makes the same users")
    indexer.add_argument("--loaded", action="store_true", help="load none: those of an earlier benchmark are there")
    indexer.add_argument("--json", action="store_true", help="the result as one line of JSON on stdout")
    text = "Event to row through the daemon, memory, and what rest costs."
    latency = commands.add_parser("latency", help=text, description=text)
    latency.set_defaults(function="benchmark_latency:benchmark")
    latency.add_argument("--events", type=int, default=60, metavar="N", help="events to publish (default 60)")
    latency.add_argument("--rate", type=float, default=1.0, metavar="N", help="events a second (default 1)")
    latency.add_argument("--chains", type=int, default=5, metavar="N", help="how often the longer ways are measured")
    latency.add_argument("--idle-seconds", type=float, default=30, metavar="N", help="how long rest is watched")
    latency.add_argument("--json", action="store_true", help="the result as one line of JSON on stdout")


def _drained(parser: argparse.ArgumentParser, name: str) -> None:
    parser.set_defaults(function=f"benchmark_drained:{name}")
    parser.add_argument("--events", type=int, default=20_000, metavar="N", help="events to publish (default 20000)")
    parser.add_argument("--batch-size", type=int, default=20_000, metavar="N", help="most records in a micro-batch")
    parser.add_argument("--events-per-learner", type=int, default=1, metavar="N", help="default 1, the hard case")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="how often; medians are printed (default 3)")
    parser.add_argument("--without-limits", action="store_true", help="leave out the loops that only read and write")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the same seed makes the same workload")
    parser.add_argument("--json", action="store_true", help="the result as one line of JSON on stdout")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; an error that means something is one line on stderr."""
    parsed = parser().parse_args(arguments)
    module, _, function = parsed.function.partition(":")
    try:
        return int(getattr(_loaded(f"lern_pipeline.commands.{module}"), function)(parsed))
    except ConfigurationError as error:
        print(f"lern-pipeline: {error}", file=sys.stderr)
        return 2
    except LernPipelineError as error:
        print(f"lern-pipeline: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except Interrupted as interrupted:
        return interrupted.exit_code


def _loaded(module: str) -> ModuleType:
    """Only now, so that 'config' and '--help' need not wait for Dagster."""
    # Everything that is loaded stays: to look for garbage in it again and again takes an eighth of the time.
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.enable()


if __name__ == "__main__":
    sys.exit(main())
