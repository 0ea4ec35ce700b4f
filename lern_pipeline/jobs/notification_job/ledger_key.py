"""The ledger's keys of sends, and what is shown of a message's id (contract notification-job 8, 10). Pure."""

from __future__ import annotations

import re
from hashlib import sha256

from lern_pipeline.events.record import Record

_SHORT_AND_PLAIN = re.compile(r"[A-Za-z0-9._:|-]{1,100}")


def event_key(mid: str | None, iteration: int, topic: str, record: Record) -> str:
    """Message id and iteration, so that the retry has a key of its own; the record's place where there is no id.

    A topic that was made anew has the same places again, hence the time.
    """
    if mid is None:
        return f"at|{topic}|{record.partition}|{record.offset}|{record.timestamp}"
    return f"mid|{iteration}|{shown_mid(mid)}"


def token_key(key: str, token: str) -> str:
    """One token's part of the event under ``key``."""
    return f"token|{_digest(token)}|{key}"


def shown_mid(mid: str) -> str:
    """The id itself where it is one such as producers make; else its digest: it could hold anything."""
    return mid if _SHORT_AND_PLAIN.fullmatch(mid) else f"sha256:{_digest(mid)}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
