"""What to tell about a server that did not start."""

from __future__ import annotations

import re
from pathlib import Path

import psutil

_TELLING = re.compile(r"error|exception|fatal|fail|cannot|could not|denied|in use|no space", re.IGNORECASE)
#: Frames of a stack trace, and their count.
_FRAME = re.compile(r"^\s*(at |\.\.\. \d+ )")


def telling_line(log: Path) -> str:
    """The last line of a log that looks like a reason, else its last line."""
    try:
        text = log.read_bytes()[-64_000:].decode(errors="replace")
    except OSError:
        return "nothing (no log)"
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _FRAME.match(line)]
    if not lines:
        return "nothing"
    return next((line for line in reversed(lines) if _TELLING.search(line)), lines[-1])[:400]


def listener_on(port: int) -> str:
    """The program that listens on a port, as far as this user may know."""
    try:
        for connection in psutil.net_connections("tcp"):
            here = connection.laddr and connection.laddr.port == port
            if here and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return "another program"
