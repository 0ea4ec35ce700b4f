"""The AUDIT event of a deletion (contract user-deletion-cleanup 9, U4, decisions 8)."""

from __future__ import annotations

import msgspec

from lern_pipeline.events.deterministic_ids import uuid5_text
from lern_pipeline.microbatch.job import Moment
from lern_pipeline.microbatch.plan import Message
from lern_pipeline.settings import JobSettings

PRODUCER = {"ver": "3.0", "id": "org.sunbird.learning.platform", "pid": "user-delete"}


def audit_message(
    user_id: str, organisation_id: str, event_id: str, account_removed: bool, settings: JobSettings, moment: Moment
) -> Message:
    """Told once everything is done, so that all flags but Keycloak's are true."""
    flags = {
        "redisCache": True,
        "userTable": True,
        "userLookUpTable": True,
        "keycloakCredentials": account_removed,
        "userExternalIdTable": True,
    }
    shown = ", ".join(f"{name}:{str(flag).lower()}" for name, flag in flags.items())
    event = {
        "actor": {"id": user_id, "type": "User"},
        "eid": "AUDIT",
        "edata": {"props": [f"{{{shown}}}"], "type": "DeleteUserStatus", "status": "Delete"},
        "ver": "3.0",
        "syncts": moment.now_ms,
        "ets": moment.now_ms,
        "context": {
            "channel": organisation_id,
            "env": "User",
            "sid": uuid5_text(f"{event_id}|sid"),
            "did": uuid5_text(f"{event_id}|did"),
            "pdata": PRODUCER,
            "cdata": [{"type": "User", "id": user_id}],
        },
        "mid": f"LP.AUDIT.{event_id}",
        "object": {"id": user_id, "type": "User"},
        "tags": [],
    }
    return Message(f"audit|{event_id}", settings.text("kafka.output.audit.topic"), msgspec.json.encode(event))
