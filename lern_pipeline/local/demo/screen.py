"""What the demo shows: plain lines, on a terminal with colours and tables of rich."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
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

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Rows of equal length; numbers stand right."""
        texts = [[str(cell) for cell in row] for row in rows]
        right = [all(isinstance(row[index], int | float) for row in rows) for index in range(len(columns))]
        if self._console.is_terminal:
            table = Table(pad_edge=False)
            for column, numeric in zip(columns, right, strict=True):
                table.add_column(column, justify="right" if numeric else "left")
            for row in texts:
                table.add_row(*map(Text, row))
            self._console.print(table)
            return
        widths = [max(len(row[index]) for row in [list(columns), *texts]) for index in range(len(columns))]
        for row in [list(columns), *texts]:
            cells = zip(row, widths, right, strict=True)
            self.plain("  ".join(f"{cell:>{w}}" if numeric else f"{cell:<{w}}" for cell, w, numeric in cells).rstrip())

    def _print(self, text: Text) -> None:
        with self._lock:
            try:
                self._console.print(text)
                sys.stdout.flush()
            except (BrokenPipeError, ValueError):
                # Nobody reads any more; the demo still has to stop what it started.
                return
