"""Commands that have started servers end them before they end themselves, whoever asks."""

from __future__ import annotations

import signal
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """The command was asked to end. No Exception, so that nothing on the way takes it for a failure."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)

    @property
    def exit_code(self) -> int:
        """As a shell has it of a process that the signal has ended."""
        return 128 + self.number


def heed_signals() -> None:
    """From now on a request to end is :class:`Interrupted`.

    Also where a shell has Ctrl-C ignored (background jobs): Dagster's processes would inherit that, and then ignore
    SIGTERM too.
    """
    for number in SIGNALS:
        signal.signal(number, _interrupt)


def heed_no_signals() -> None:
    """What is under way now is the end already."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # A second request would interrupt what ends the servers.
    heed_no_signals()
    raise Interrupted(number)
