"""Which audit events the job takes, and what they say themselves (contract 2 and 4.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lern_pipeline.events.validation import LONGEST_ID_BYTES, InvalidEvent, Skip

STATES = frozenset({"CREATE", "CREATED", "UPDATE", "UPDATED", "DELETE", "DELETED"})


@dataclass(frozen=True, slots=True)
class UserAudit:
    """A change of a user. ``sign_up`` and ``role``: the last entries of `cdata` of these types."""

    user_id: str
    producer: str | None = None
    sign_up: str | None = None
    role: str | None = None


def user_audit(event: dict[str, Any]) -> UserAudit | Skip:
    """What the event says, or why it is skipped, in the order of contract 2.2 (D14).

    Raises:
        InvalidEvent: the user's id is longer than a key may be.
    """
    about = event.get("object")
    user_id, kind = (about.get("id"), about.get("type")) if isinstance(about, dict) else (None, None)
    if not isinstance(user_id, str) or not user_id:
        return Skip("object.id is missing or no text")
    if not isinstance(kind, str) or kind.lower() != "user":
        return Skip("not about a user")
    edata = event.get("edata")
    state = edata.get("state") if isinstance(edata, dict) else None
    if not isinstance(state, str) or not state:
        return Skip("edata.state is missing or no text")
    if state.upper() not in STATES:
        return Skip("other state")
    if len(user_id.encode(errors="surrogatepass")) > LONGEST_ID_BYTES:
        raise InvalidEvent(f"object.id is longer than {LONGEST_ID_BYTES} bytes")
    context = event.get("context")
    if not isinstance(context, dict):
        return UserAudit(user_id)
    last = _last_ids(context.get("cdata"))
    if isinstance(last, Skip):
        return last
    return UserAudit(user_id, _producer(context), last.get("signuptype"), last.get("userrole"))


def _producer(context: dict[str, Any]) -> str | None:
    pdata = context.get("pdata")
    pid = pdata.get("pid") if isinstance(pdata, dict) else None
    return pid if isinstance(pid, str) else None


def _last_ids(cdata: object) -> dict[str, str] | Skip:
    """Type, lower-cased, of the entries that matter → the last id."""
    found: dict[str, str] = {}
    if cdata is None:
        return found
    if not isinstance(cdata, list):
        return Skip("context.cdata is not an array")
    for entry in cdata:
        kind = entry.get("type") if isinstance(entry, dict) else None
        if not isinstance(kind, str):
            return Skip("context.cdata has an entry without type")
        if kind.lower() in ("signuptype", "userrole"):
            if not isinstance(entry.get("id"), str):
                return Skip("context.cdata has an entry without id")
            found[kind.lower()] = entry["id"]
    return found
