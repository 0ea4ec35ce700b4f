"""Messages of the course-progress jobs: certificate request and AUDIT telemetry (platform contract 5.1, 5.3)."""

from __future__ import annotations

from typing import Any

import msgspec

from lern_pipeline.events.deterministic_ids import IdMaker
from lern_pipeline.events.record import Position

_encode = msgspec.json.Encoder().encode

CONTENT_EVENT_PROPS = {"start": ["viewcount"], "complete": ["viewcount", "completedcount"]}


def certificate_request(
    ids: IdMaker,
    position: Position,
    user_id: str,
    course_id: str,
    batch_id: str,
    now_ms: int,
    attempt_id: str | None = None,
) -> bytes:
    """The ``issue-certificate`` event of one enrolment (contract activity-aggregate-updater 7.3); with ``attemptId``
    of one assessed (contract assessment-aggregator 7.1)."""
    attempt = {} if attempt_id is None else {"attemptId": attempt_id}
    mid = ids.make(position, f"certificate|{user_id}|{course_id}|{batch_id}")
    return _encode(
        {
            "eid": "BE_JOB_REQUEST",
            "ets": now_ms,
            "mid": f"LP.{now_ms}.{mid}",
            "actor": {"id": "Course Certificate Generator", "type": "System"},
            "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
            "object": {"id": f"{batch_id}_{course_id}", "type": "CourseCertificateGeneration"},
            "edata": {
                "userIds": [user_id],
                "action": "issue-certificate",
                "iteration": 1,
                "trigger": "auto-issue",
                "batchId": batch_id,
                "reIssue": False,
                "courseId": course_id,
                **attempt,
            },
        }
    )


def content_audit(
    ids: IdMaker,
    position: Position,
    kind: str,
    user_id: str,
    course_id: str,
    batch_id: str,
    content_id: str,
    now_ms: int,
) -> bytes:
    """AUDIT of a content's ``start`` or ``complete`` (contract activity-aggregate-updater 7.1)."""
    purpose = f"{kind}|{user_id}|{course_id}|{batch_id}|{content_id}"
    return _audit(
        ids,
        position,
        purpose,
        user_id,
        edata={"props": CONTENT_EVENT_PROPS[kind], "type": kind},
        cdata=[{"type": "CourseBatch", "id": batch_id}],
        audited={"id": content_id, "type": "Content", "rollup": {"l1": course_id}},
        now_ms=now_ms,
    )


def enrolment_complete_audit(
    ids: IdMaker, position: Position, user_id: str, course_id: str, batch_id: str, now_ms: int
) -> bytes:
    """AUDIT of a completed enrolment (contract activity-aggregate-updater 7.2)."""
    return _audit(
        ids,
        position,
        f"enrol-complete|{user_id}|{course_id}|{batch_id}",
        user_id,
        edata={"props": ["status", "completedon"], "type": "enrol-complete"},
        cdata=[{"type": "CourseBatch", "id": batch_id}, {"type": "Course", "id": course_id}],
        audited={"id": user_id, "type": "User", "rollup": {"l1": course_id}},
        now_ms=now_ms,
    )


def _audit(
    ids: IdMaker,
    position: Position,
    purpose: str,
    user_id: str,
    edata: dict[str, Any],
    cdata: list[dict[str, str]],
    audited: dict[str, Any],
    now_ms: int,
) -> bytes:
    return _encode(
        {
            "actor": {"id": user_id, "type": "User"},
            "eid": "AUDIT",
            "edata": edata,
            "ver": "3.0",
            "syncts": now_ms,
            "ets": now_ms,
            "context": {
                "channel": "in.sunbird",
                "env": "Course",
                "sid": ids.make(position, f"sid|{purpose}"),
                "did": ids.make(position, f"did|{purpose}"),
                "pdata": {"ver": "3.0", "id": "org.sunbird.learning.platform", "pid": "course-progress-updater"},
                "cdata": cdata,
            },
            "mid": f"LP.AUDIT.{ids.make(position, purpose)}",
            "object": audited,
            "tags": [],
        }
    )
