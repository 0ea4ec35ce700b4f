"""The event that asks for the second attempt (contract notification-job 6, D10). Pure."""

from __future__ import annotations

from typing import Any

from lern_pipeline.events.lenient_json import compact_json
from lern_pipeline.events.null_members import without_null_members

RETRY_ITERATION = 2
"""Constant, whatever the first one was; an event of this iteration or more gets no other attempt."""


def retry_event(members: dict[str, Any]) -> bytes:
    """The event once more, with the members that the existing job keeps."""
    edata = members["edata"]

    def kept(name: str, otherwise: object) -> Any:
        value = members.get(name)
        return otherwise if value is None else value

    return compact_json(
        {
            "actor": kept("actor", {}),
            "eid": kept("eid", ""),
            "mid": members.get("mid"),
            "trace": kept("trace", {}),
            "edata": {
                "action": edata["action"],
                "iteration": RETRY_ITERATION,
                "request": without_null_members(edata["request"]),
            },
            "context": kept("context", {}),
            "object": kept("object", {}),
        }
    ).encode()
