"""The AUDIT event of a certificate (contract collection-certificate-generator 10)."""

from __future__ import annotations

import msgspec

from lern_pipeline.events.record import Position
from lern_pipeline.jobs.certificates.request import CertificateRequest
from lern_pipeline.microbatch.job import Moment
from lern_pipeline.microbatch.plan import Message
from lern_pipeline.settings import JobSettings

ISSUED, MIGRATED = "certificate-issued-svg", "certificate-migrated-svg"

# Of every tenant (D21).
CHANNEL = "in.ekstep"


def audit_message(
    kind: str,
    request: CertificateRequest,
    actor_id: str,
    certificate_id: str,
    position: Position,
    number: int,
    settings: JobSettings,
    moment: Moment,
) -> Message:
    """``kind``: :data:`ISSUED` or :data:`MIGRATED`; ``number`` tells apart several certificates of one event."""

    def id_for(purpose: str) -> str:
        return moment.ids.make(position, f"{purpose}|{number}")

    now = moment.now_ms
    event = {
        "eid": "AUDIT",
        "ets": now,
        "mid": f"LP.AUDIT.{now}.{id_for('audit')}",
        "ver": "3.0",
        "actor": {"id": actor_id, "type": "User"},
        "context": {
            "channel": CHANNEL,
            "env": "Course",
            "sid": id_for("sid"),
            "did": id_for("did"),
            "pdata": {"ver": "1.0", "id": "org.sunbird.learning.platform", "pid": "course-certificate-generator"},
            "cdata": [{"type": "CourseBatch", "id": request.batch_id}],
        },
        "object": {"id": certificate_id, "type": "Certificate", "rollup": {"l1": request.course_id}},
        "edata": {"props": ["certificates"], "type": kind},
    }
    topic = settings.text("kafka.output.audit.topic")
    return Message(f"audit|{position}|{number}", topic, msgspec.json.encode(event))
