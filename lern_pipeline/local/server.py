"""What the stack needs to know about one server."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lern_pipeline.errors import LernPipelineError


class LocalStackError(LernPipelineError):
    """A server of the local stack cannot be had; the text says which and why."""


class Server(Protocol):
    """One server of the stack, at its configured address."""

    @property
    def name(self) -> str:
        """Its name in files and status, such as `kafka`."""
        ...

    @property
    def title(self) -> str:
        """Its name and version for people."""
        ...

    @property
    def host(self) -> str: ...

    @property
    def port(self) -> int: ...

    def commands(self, ip: str, jars: Path, data: Path) -> Sequence[Sequence[str]]:
        """Writes the configuration and returns what to run: preparations first, the server last."""
        ...

    def answers(self, timeout: float) -> bool:
        """Whether the server itself, not just a listener, answers at its address."""
        ...

    def complete(self) -> str | None:
        """Adds what the jobs need (schema, topics) to a server that answers; says what was added."""
        ...
