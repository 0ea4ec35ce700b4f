r"""The course's name (contract collection-cert-pre-processor 6.1, D5, D17). Pure."""

from __future__ import annotations

import re
from typing import Any

_ESCAPE = re.compile(r"\\([btnfr\"'\\])")
_MEANING = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}
_CONTROL = re.compile(r"[\x00-\x1f]")


def cached_name(entry: dict[str, Any]) -> str:
    """Of the collection cache; empty where it does not tell, and then the content service is asked (D17)."""
    name = entry.get("name")
    return name if isinstance(name, str) else ""


def clean(name: str) -> str:
    r"""Escapes as what they mean, unknown ones as they are (D5); then no control characters."""
    return _CONTROL.sub("", _ESCAPE.sub(lambda escape: _MEANING.get(escape[1], escape[1]), name))
