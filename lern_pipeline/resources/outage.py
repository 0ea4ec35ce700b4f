"""Trying again while a service does not answer, for a bounded time and with one clear error at the end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

import stamina

from lern_pipeline.errors import ServiceUnavailable

T = TypeVar("T")

log = logging.getLogger(__name__)


def until_answered(
    call: Callable[[], T],
    service: str,
    address: str,
    outage: tuple[type[Exception], ...],
    timeout_seconds: float,
) -> T:
    """``call()``, tried again with growing, jittered pauses while it raises one of ``outage``.

    Raises:
        ServiceUnavailable: no answer within ``timeout_seconds``; names service and address.
    """
    try:
        return tried(
            call, on=outage, attempts=None, timeout=timeout_seconds, wait_initial=0.2, wait_max=5.0, wait_jitter=0.5
        )
    except outage as error:
        raise ServiceUnavailable(service, address, one_line(error)) from error


def tried(call: Callable[[], T], **retrying: Any) -> T:
    """``call()``; where it fails, again as ``stamina.retry_context`` does with these arguments.

    Raises:
        Exception: what the last attempt raised.
    """
    # Keeping account of attempts costs as much as a quick call does: it begins with the first failure.
    try:
        return call()
    except Exception as error:
        failure: Exception | None = error
    for attempt in stamina.retry_context(**retrying):
        with attempt:
            if failure is not None:
                first, failure = failure, None
                raise first
            return call()
    raise AssertionError("unreachable: the last attempt returns or raises")


def one_line(error: BaseException) -> str:
    """The error's kind and text on one line of bounded length."""
    kind = type(error).__name__
    text = " ".join(str(error).split()).removeprefix(f"{kind}: ")
    return f"{kind}: {text[:300]}" if text else kind
