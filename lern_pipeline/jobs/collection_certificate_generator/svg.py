"""The SVG template with its variables, as a data address (contract collection-certificate-generator 13 step 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from lern_pipeline.jobs.certificates.request import CertificateRequest, Recipient
from lern_pipeline.jobs.collection_certificate_generator.old_certificate_json import badge_name

PREFIX = "data:image/svg+xml,"
QR_CODE = "qrCodeImage"

_ENCODED = str.maketrans({"<": "%3C", ">": "%3E", "#": "%23", "%": "%25", '"': "'", "\n": None, "\t": None})
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9_]+)\}")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


def encoded_template(svg: str) -> str:
    """Only what must not stand in a data address is encoded."""
    return PREFIX + svg.translate(_ENCODED)


def filled_in(template: str, variables: Mapping[str, str]) -> str:
    """The encoded template with its variables' values; unknown ones stay."""
    return _VARIABLE.sub(lambda match: variables.get(match[1], match[0]), template)


def svg_variables(request: CertificateRequest, recipient: Recipient, issued: datetime, expires: str) -> dict[str, str]:
    """All but the QR code, percent-encoded."""
    signatories = [*request.signatories[:2], {}, {}]
    plain = {
        "certificateName": badge_name(request),
        "certificateDescription": request.description,
        "courseName": request.course_name,
        "issuedDate": f"{issued.day:02d} {_MONTHS[issued.month - 1]} {issued.year:04d}",
        "recipientId": recipient.id,
        "recipientName": recipient.name,
        "signatory0Image": signatories[0].get("image"),
        "signatory0Designation": signatories[0].get("designation"),
        "signatory1Image": signatories[1].get("image"),
        "signatory1Designation": signatories[1].get("designation"),
        "expiryDate": expires,
        "issuerName": request.issuer_name,
    }
    return {name: _percent_encoded(value) if isinstance(value, str) else "" for name, value in plain.items()}


def _percent_encoded(text: str) -> str:
    # As the existing job's encoder has it.
    return quote(text, safe="*", errors="replace").replace("~", "%7E")
