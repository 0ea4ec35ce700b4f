"""A certificate of the old registry as part of a script (contract collection-certificate-generator 13)."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import msgspec

from lern_pipeline.jobs.certificates.dates import expiry_date, issued_date
from lern_pipeline.jobs.certificates.issued import Entry, issue_time
from lern_pipeline.jobs.certificates.registering import NotRegistered, not_registered
from lern_pipeline.jobs.certificates.request import CertificateRequest, Recipient
from lern_pipeline.jobs.collection_certificate_generator.old_certificate_json import (
    Addresses,
    access_code,
    certificate_json,
)
from lern_pipeline.jobs.collection_certificate_generator.old_registration import OLD_REGISTRATION, OldRegistration
from lern_pipeline.jobs.collection_certificate_generator.pending import Requested
from lern_pipeline.jobs.collection_certificate_generator.svg import svg_variables
from lern_pipeline.microbatch.job import Moment
from lern_pipeline.microbatch.masked_id import masked_id
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.microbatch.script import Script, Step
from lern_pipeline.settings import JobSettings


def old_registered(
    requested: Requested, recipient: Recipient, index: int, settings: JobSettings, moment: Moment
) -> Script[Entry | NotRegistered]:
    """The entry for the enrolment."""
    request = requested.request
    # The same record makes the same certificate; a record at the same place of a topic made anew does not.
    certificate_id = moment.ids.make(requested.position, f"certificate|{requested.timestamp}|{index}")
    # Certificates of one moment get different codes.
    code = access_code(moment.now_ms + int(sha256(certificate_id.encode()).hexdigest()[:6], 16))
    registration = _registration(request, recipient, certificate_id, code, settings, moment)
    payload: dict[str, Any] = msgspec.to_builtins(registration)
    key = f"{OLD_REGISTRATION}|{certificate_id}"
    effect = Effect(key, OLD_REGISTRATION, payload, once=False, to_whom=masked_id(request.user_id))
    outcome = (yield Step([effect]))[key]
    if not outcome.is_done:
        return not_registered(outcome)
    return {
        "name": request.name,
        "identifier": certificate_id,
        "token": code,
        "lastIssuedOn": issue_time(moment.now_ms),
    }


def _registration(
    request: CertificateRequest,
    recipient: Recipient,
    certificate_id: str,
    code: str,
    settings: JobSettings,
    moment: Moment,
) -> OldRegistration:
    at = Addresses(settings.text("cert_domain_url"), request.tag)
    issued = issued_date(request.issued_date, moment.now_ms)
    expires = expiry_date(request.expiry, issued)
    asked: dict[str, Any] = {
        "id": certificate_id,
        "jsonUrl": at.json_url(certificate_id),
        "accessCode": code,
        "recipientName": recipient.name,
        "recipientId": recipient.id,
        "related": request.related,
    }
    if request.old_id:
        asked["oldId"] = request.old_id
    signature = {
        "type": "LinkedDataSignature2015",
        "creator": f"{at.tagged}/{request.key_id}_publicKey.json",
        "created": issue_time(moment.now_ms).replace("+0000", "Z"),
    }
    return OldRegistration(
        certificate=certificate_json(request, recipient, certificate_id, issued, expires, at),
        request=asked,
        object_key=at.object_key(certificate_id),
        svg_address=request.svg_template,
        variables=svg_variables(request, recipient, issued, expires),
        qr_content=f"{at.base}/{certificate_id}",
        key_id=request.key_id,
        signature=signature if request.key_id else {},
    )
