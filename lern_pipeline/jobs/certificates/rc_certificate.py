"""The certificate as Sunbird RC is asked to create it (contract collection-certificate-generator 7.3, 7.4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lern_pipeline.jobs.certificates.request import CertificateRequest, Recipient
from lern_pipeline.settings import JobSettings

NUL = "\x00"


def rc_certificate(
    request: CertificateRequest, recipient: Recipient, kid: str | None, settings: JobSettings
) -> dict[str, Any]:
    """Body of the create request of collection-certificate-generator."""
    issuer = {"url": request.issuer_url, "name": request.issuer_name}
    if kid is not None:
        issuer["kid"] = kid
    certificate: dict[str, Any] = {
        "certificateLabel": request.name,
        "status": "ACTIVE",
        "templateUrl": with_storage_address(request.svg_template, settings),
        "training": {
            "id": request.course_id,
            "name": request.course_name,
            "type": "Course",
            "batchId": request.batch_id,
        },
        "recipient": {"id": recipient.id, "name": recipient.name},
        "issuer": issuer,
        "signatory": request.signatories,
    }
    if request.old_id:
        certificate["oldId"] = request.old_id
    return certificate


def with_storage_address(text: str, settings: JobSettings) -> str:
    """The text with the address of the content storage in place of every placeholder (7.3)."""
    placeholder = settings.optional_text("cloud_store_base_path_placeholder")
    if placeholder is None or placeholder not in text:
        return text
    base = settings.optional_text("cloud_storage_cname_url") or settings.text("cloud_storage_base_url")
    return text.replace(placeholder, f"{base}/{settings.text('content_cloud_storage_container')}")


def bad_characters(settings: JobSettings) -> list[str]:
    """Texts that RC must not get; ``\\x00`` also stands for the character itself (D7)."""
    tokens = [token for token in (settings.optional_text("task.rc.badcharlist") or "").split(",") if token]
    return [*tokens, NUL] if r"\x00" in tokens else tokens


def without(tokens: Sequence[str], value: Any) -> Any:
    """The value with all tokens removed from its texts, one after the other; names of members stay."""
    if isinstance(value, str):
        for token in tokens:
            value = value.replace(token, "")
        return value
    if isinstance(value, dict):
        return {name: without(tokens, member) for name, member in value.items()}
    if isinstance(value, list):
        return [without(tokens, element) for element in value]
    return value
