"""From a program-user document to one enrolment's columns (contract 2 to 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lern_pipeline.events.validation import LONGEST_ID_BYTES, InvalidEvent, Skip
from lern_pipeline.jobs.program_user_info.calendar_date import calendar_date
from lern_pipeline.jobs.program_user_info.profile import Columns, profile_columns


@dataclass(frozen=True, slots=True)
class ProgramEnrolment:
    """One user in one program; ``columns`` are those that the document has, explicit nulls included."""

    program_id: str
    user_id: str
    columns: Columns


def program_enrolment(document: dict[str, Any]) -> ProgramEnrolment | Skip:
    """What the document writes. The ids are looked at before the dates (D2).

    Raises:
        InvalidEvent: a member of the wrong type, a date that is none, or an id longer than a key may be.
    """
    program_id, user_id = _id(document, "programId"), _id(document, "userId")
    if program_id is None:
        return Skip("programId is missing")
    if user_id is None:
        return Skip("userId is missing")
    columns: Columns = {
        "program_externalid": _text(document, "programExternalId"),
        "program_name": _text(document, "programName"),
        "pii_consent_required": _consent(document),
        "created_at": calendar_date(document.get("createdAt"), "createdAt"),
        "updated_at": calendar_date(document.get("updatedAt"), "updatedAt"),
    }
    return ProgramEnrolment(program_id, user_id, columns | profile_columns(document.get("userProfile")))


def _text(document: dict[str, Any], name: str) -> str | None:
    """Verbatim; missing, null and empty are all null."""
    value = document.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidEvent(f"{name} is not a string")
    return value or None


def _id(document: dict[str, Any], name: str) -> str | None:
    value = _text(document, name)
    if value is not None and len(value.encode(errors="surrogatepass")) > LONGEST_ID_BYTES:
        raise InvalidEvent(f"{name} is longer than {LONGEST_ID_BYTES} bytes")
    return value


def _consent(document: dict[str, Any]) -> bool:
    value = document.get("requestForPIIConsent")
    if value is None:
        return False
    if not isinstance(value, bool):
        raise InvalidEvent("requestForPIIConsent is not a boolean")
    return value
