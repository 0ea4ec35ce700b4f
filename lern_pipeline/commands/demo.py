"""``lern-pipeline demo``: a sample course goes through the local stack and Dagster, for everybody to look at."""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType

from lern_pipeline.local.demo.demo import Demo
from lern_pipeline.local.demo.screen import Screen

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The demo was asked to end. No Exception, so that nothing on the way takes it for a failure."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


def demo(arguments: argparse.Namespace) -> int:
    """Run it. Exit code 0 when the chain has run and every event is accounted for; all that was started is stopped."""
    # Set also where a shell has Ctrl-C ignored (background jobs): Dagster's processes would inherit that, and then
    # ignore SIGTERM too.
    for number in SIGNALS:
        signal.signal(number, _interrupt)
    demo = Demo(Screen())
    try:
        demo.run()
        if not arguments.once:
            demo.stay()
    except Interrupted as interrupted:
        if demo.is_staying:
            return 0
        print(f"lern-pipeline: the demo was ended by {interrupted}", file=sys.stderr)
        return 128 + interrupted.number
    finally:
        # What is under way now is the end already.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        demo.stop()
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)
