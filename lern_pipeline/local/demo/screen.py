"""What the demo shows: plain lines, on a terminal with some emphasis."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text


class Screen:
    """Lines carry the seconds since the start. Nothing that is shown may stop the demo from cleaning up."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def line(self, text: str) -> None:
        """Something happened."""
        self._print(Text(f"{self.seconds:6.1f} s  ", "dim").append(text, ""))

    def heading(self, text: str) -> None:
        """A part of the demo begins."""
        self._print(Text(""))
        self._print(Text(text, "bold"))

    def plain(self, text: str = "", style: str = "") -> None:
        """A line of a result."""
        self._print(Text(text, style))

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """While something is waited for: a spinner on a terminal, else one line."""
        if not self._console.is_terminal:
            self.line(text)
            yield
            return
        with self._console.status(text):
            yield

    def columns(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows as aligned columns: the first left, the others right. A row of one cell is a heading of those below."""
        widths = [
            max(len(row[index]) for row in rows if len(row) > max(index, 1))
            for index in range(max(len(row) for row in rows))
        ]
        for first, *others in rows:
            cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=False))
            self.plain("  ".join([f"  {first:<{widths[0]}}", *cells]) if others else first, "" if others else "bold")

    def _print(self, text: Text) -> None:
        with self._lock:
            try:
                self._console.print(text)
                sys.stdout.flush()
            except (BrokenPipeError, ValueError):
                # Nobody reads any more; the demo still has to stop what it started.
                return
