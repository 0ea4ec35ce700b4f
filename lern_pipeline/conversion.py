"""Plain values into typed ones, from any thread."""

from __future__ import annotations

import threading
from typing import TypeVar

import msgspec

Value = TypeVar("Value")

_lock = threading.Lock()
_prepared: set[object] = set()


def converted(plain: object, kind: type[Value]) -> Value:
    """As :func:`msgspec.convert`, which makes what it needs to know of a type when it first meets it: two threads that
    do so at once end the process with a segmentation fault.

    Raises:
        msgspec.ValidationError: the value does not fit.
    """
    if kind not in _prepared:
        with _lock:
            msgspec.json.Decoder(kind)
            _prepared.add(kind)
    return msgspec.convert(plain, kind)  # noqa: TID251
