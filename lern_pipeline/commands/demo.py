"""``lern-pipeline demo``: a sample course goes through the local stack and Dagster, for everybody to look at."""

from __future__ import annotations

import argparse
import sys

from lern_pipeline.commands.interruption import Interrupted, heed_no_signals, heed_signals
from lern_pipeline.local.demo.demo import Demo
from lern_pipeline.local.demo.screen import Screen


def demo(arguments: argparse.Namespace) -> int:
    """Run it. Exit code 0 when the chain has run and every event is accounted for; all that was started is stopped."""
    heed_signals()
    demo = Demo(Screen())
    try:
        demo.run()
        if not arguments.once:
            demo.stay()
    except Interrupted as interrupted:
        if demo.is_staying:
            return 0
        print(f"lern-pipeline: the demo was ended by {interrupted}", file=sys.stderr)
        return interrupted.exit_code
    finally:
        heed_no_signals()
        demo.stop()
    return 0
