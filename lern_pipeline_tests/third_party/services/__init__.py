"""One module per service: how it answers, from state in memory.

To add one: a module with a class that has the members of :class:`Service`, and its name in
:func:`.all_services.all_services`. Errors, delays and lost connections need no part in it: they are scripted.
"""

from __future__ import annotations

from typing import Any, Protocol

from lern_pipeline_tests.third_party.answers import Answer, Request


class Service(Protocol):
    """A stand-in. The server calls one at a time."""

    @property
    def name(self) -> str:
        """By which its state is found."""
        ...

    def answer(self, request: Request) -> Answer | None:
        """The answer; None where the request is none of this service's."""
        ...

    def state(self) -> Any:
        """What it holds, as JSON."""
        ...

    def add(self, state: Any) -> None:
        """Adds to what it holds; JSON as :meth:`state` gives it."""
        ...
