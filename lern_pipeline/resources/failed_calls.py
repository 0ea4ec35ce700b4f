"""How HTTP clients whose callers go on after a failed call say that it failed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from lern_pipeline.errors import AccessRefused, ServiceUnavailable
from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline.microbatch.effects import NotCarriedOut
from lern_pipeline.resources.http_answer import Answer


@contextmanager
def failed_calls(refusals: bool = False) -> Iterator[None]:
    """An outage is a failed call; with ``refusals`` 401 and 403 are too."""
    try:
        yield
    except ServiceUnavailable as error:
        reason = f"{error.service}: {error.reason}"
        raise CallFailed(error.status, reason, is_outage=True, certain=isinstance(error, NotCarriedOut)) from error
    except AccessRefused as error:
        if not refusals:
            raise
        raise CallFailed(error.status, str(error)) from error


def expect_status(answer: Answer, statuses: Collection[int] = (200,), with_body: bool = False) -> None:
    """Raises :class:`CallFailed` for another status; ``with_body``: with what the service says, which may be
    personal."""
    if answer.status not in statuses:
        raise CallFailed(answer.status, answer.content[:1000].decode(errors="replace") if with_body else "")
