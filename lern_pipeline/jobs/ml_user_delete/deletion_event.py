"""Whose data an event asks to mask (contract 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lern_pipeline.events.validation import Skip, checked_id
from lern_pipeline.jobs.manage_learn.event_text import parking, text_at


@dataclass(frozen=True, slots=True)
class DeletedUser:
    """The user that is gone. The id is compared as it stands."""

    user_id: str


@parking
def deleted_user(event: dict[str, Any]) -> DeletedUser | Skip:
    """Nothing but ``edata.userId`` counts; the action is not looked at (D6), managed users neither (D8).

    Raises:
        InvalidEvent: the id is no text, or too long.
    """
    user_id = text_at(event, "edata.userId")
    if not user_id.strip():
        return Skip("edata.userId is blank")
    return DeletedUser(checked_id(user_id, "edata.userId"))
