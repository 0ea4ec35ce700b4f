"""The certificate of the old registry, an Open Badges assertion (contract collection-certificate-generator 13)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lern_pipeline.jobs.certificates.dates import normal_form
from lern_pipeline.jobs.certificates.request import CertificateRequest, Recipient, is_blank

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
MULTIPLIER = 1_679_979_167
CODE_LENGTH = 6

Json = dict[str, Any]


class Addresses:
    """``D``, ``B`` and ``T`` of the contract."""

    def __init__(self, domain: str, tag: str) -> None:
        self.domain = domain
        self.base = f"{domain}/certs"
        self.tag = "" if is_blank(tag) else tag
        self.tagged = f"{self.base}/{self.tag}" if self.tag else self.base

    @property
    def context(self) -> str:
        return f"{self.base}/v1/context.json"

    def object_key(self, certificate_id: str) -> str:
        return f"{self.tag}/{certificate_id}.json"

    def json_url(self, certificate_id: str) -> str:
        return f"{self.base}/{self.object_key(certificate_id)}"


def certificate_json(
    request: CertificateRequest,
    recipient: Recipient,
    certificate_id: str,
    issued: datetime,
    expires: str,
    at: Addresses,
) -> Json:
    """Without ``printUri`` and ``signature``. What looks wrong in addresses and ``publicKey`` is as verifiers know it
    (D11)."""
    context = {"@context": at.context}
    certificate: Json = {
        **context,
        "id": f"{at.tagged}/{certificate_id}",
        "issuedOn": normal_form(issued),
        "expires": expires,
        "revoked": False,
        "type": ["Assertion", "Extension", "extensions:CertificateExtension"],
        "recipient": {
            **context,
            "identity": recipient.id,
            "type": ["id"],
            "hashed": False,
            "name": recipient.name,
        },
        "badge": {
            **context,
            "id": f"{at.tagged}/{at.tag}/Badge.json" if at.tag else f"{at.tagged}/Badge.json",
            "type": ["BadgeClass"],
            "name": badge_name(request),
            "description": request.description,
            "image": request.logo,
            "criteria": {"type": ["Criteria"], "narrative": request.narrative},
            "issuer": {
                **context,
                "id": f"{at.base}/Issuer.json",
                "type": ["Issuer"],
                "name": request.issuer_name,
                "url": request.issuer_url,
                "publicKey": [],
            },
        },
        "signatory": [_signatory(entry, at) for entry in request.signatories],
    }
    if recipient.valid_from:
        certificate["validFrom"] = recipient.valid_from
    if request.course_name:
        certificate["evidence"] = {
            **context,
            "id": f"{at.base}/Evidence.json",
            "type": ["Evidence", "Extension", "extensions:TrainingEvidence"],
            "name": request.course_name,
        }
    return certificate


def badge_name(request: CertificateRequest) -> str:
    return request.course_name or request.name


def _signatory(entry: Json, at: Addresses) -> Json:
    members = {
        "@context": f"{at.base}v1/extensions/SignatoryExtension/context.json",
        "identity": entry.get("id"),
        "type": ["Extension", "extensions:SignatoryExtension"],
        "designation": entry.get("designation"),
        "image": entry.get("image"),
        "name": entry.get("name"),
    }
    return {name: value for name, value in members.items() if value is not None}


def access_code(clock: int) -> str:
    """Six characters, letter, digit, letter, … in turn: of the first clock value from ``clock`` on that gives such."""
    while True:
        number = clock * MULTIPLIER % len(ALPHABET) ** CODE_LENGTH
        code = ""
        while number:
            number, digit = divmod(number, len(ALPHABET))
            code = ALPHABET[digit] + code
        if len(code) == CODE_LENGTH and all(
            character.isdigit() is bool(place % 2) for place, character in enumerate(code)
        ):
            return code
        clock += 1
