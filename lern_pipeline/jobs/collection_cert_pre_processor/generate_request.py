"""The request to generate a certificate (contract collection-cert-pre-processor 6; platform contract 5.2). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from lern_pipeline.errors import ConfigurationError
from lern_pipeline.events.lenient_json import InvalidJson, compact_json
from lern_pipeline.jobs.collection_cert_pre_processor.evaluation import Candidate, Earned, Learner
from lern_pipeline.jobs.collection_cert_pre_processor.profile import locations, recipient_name
from lern_pipeline.jobs.collection_cert_pre_processor.refusal import INVALID_DATA, Refused
from lern_pipeline.jobs.collection_cert_pre_processor.template import Template
from lern_pipeline.settings import JobSettings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where certificates and their templates are found."""

    base_path: str
    placeholder: str
    storage: str

    @classmethod
    def of(cls, settings: JobSettings) -> Addresses:
        """Raises ConfigurationError where one is not set; only asked for when a certificate has been earned."""
        base = settings.optional_text("cloud_storage_cname_url") or settings.optional_text("cloud_storage_base_url")
        if base is None:
            raise ConfigurationError("neither cloud_storage_cname_url nor cloud_storage_base_url is set")
        return cls(
            f"{settings.text('cert_domain_url')}/certs",
            settings.text("cloud_store_base_path_placeholder"),
            f"{base}/{settings.text('content_cloud_storage_container')}",
        )


def generate_request(
    candidate: Candidate, earned: Earned, course_name: str, addresses: Addresses, mid: str, now_ms: int
) -> bytes:
    """The message's value.

    Raises:
        Refused: something in template, profile or enrolment cannot be used.
    """
    learner, template = candidate.learner, candidate.template
    request = {
        "eid": "BE_JOB_REQUEST",
        "ets": now_ms,
        "mid": f"LMS.{mid}",
        "actor": {"id": "Certificate Generator", "type": "System"},
        "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.learning.platform"}},
        "object": {"id": learner.user_id, "type": "GenerateCertificate"},
        "edata": {
            "issuedDate": _issued_date(earned.enrolled.completed_on, now_ms),
            "data": [{"recipientName": recipient_name(earned.profile), "recipientId": learner.user_id}],
            "criteria": {"narrative": template.name},
            "svgTemplate": template.url.replace(addresses.placeholder, addresses.storage),
            "oldId": earned.enrolled.old_id,
            "templateId": template.identifier,
            "userId": learner.user_id,
            "orgId": earned.profile.get("rootOrgId", ""),
            "issuer": template.issuer(),
            "signatoryList": template.signatory_list(),
            "courseName": course_name,
            "basePath": addresses.base_path,
            "related": _related(learner, template, earned, course_name),
            "name": template.name,
            "tag": learner.batch_id,
        },
    }
    try:
        return compact_json(request).encode()
    except InvalidJson as error:
        raise Refused(INVALID_DATA, f"the request cannot be written as JSON: {error}") from None


def _issued_date(completed_on: int | None, now_ms: int) -> str:
    """The day of completion in UTC, today where it is unknown (D2)."""
    moment = now_ms if completed_on is None else completed_on
    try:
        return f"{_EPOCH + timedelta(milliseconds=moment):%Y-%m-%d}"
    except OverflowError:
        raise Refused(INVALID_DATA, "completedon of the enrolment is no date") from None


def _related(learner: Learner, template: Template, earned: Earned, course_name: str) -> dict[str, Any]:
    """Later members win (6.2)."""
    wanted = template.additional
    related: dict[str, Any] = {"batchId": learner.batch_id, "courseId": learner.course_id, "type": template.name}
    places = locations(earned.profile, wanted["location"]) if wanted["location"] else {}
    if places:
        related["location"] = places
    if earned.enrolled.props:
        related["enrollment"] = earned.enrolled.props
    if earned.assessed.percents is not None:
        related["assessment"] = {"score": earned.assessed.percents}
    related |= _of_profile(earned.profile, wanted["user"])
    if wanted["course"]:
        related["course"] = {"name": course_name}
    return related


def _of_profile(profile: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: profile[name] for name in names if name in profile}
