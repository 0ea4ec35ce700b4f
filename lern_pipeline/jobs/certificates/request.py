"""A request for certificates: what it has to have, and what is used of it (contract collection-certificate-generator
3, 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from lern_pipeline.events.null_members import without_null_members
from lern_pipeline.events.validation import InvalidEvent, checked_id

MISSING = "MANDATORY_PARAMETER_MISSING"
INVALID_VALUE = "INVALID_PARAM_VALUE"

_NOT_IN_TAGS = re.compile(r"""[!@#$%^&*()+=,.?/":;'{}|<>\-\s]""")
_URL = re.compile(r'(?:https?|ftp|file|jar):(?:[^\s%"<>\\^`{|}\x00-\x1f\x7f]|%[0-9A-Fa-f]{2})+', re.IGNORECASE)

Members = Mapping[str, Any]


class Recipient(msgspec.Struct):
    """An entry of ``data``."""

    id: str
    name: str
    valid_from: str = ""


class CertificateRequest(msgspec.Struct, kw_only=True):
    """What one event asks for. Texts that were not given are empty; dates are as received."""

    user_id: str
    course_id: str
    batch_id: str
    name: str
    svg_template: str
    recipients: list[Recipient]
    issuer_name: str
    issuer_url: str
    signatories: list[dict[str, Any]]
    narrative: str
    course_name: str
    template_id: str
    old_id: str
    issued_date: str
    expiry: str
    related: dict[str, Any]
    tag: str
    key_id: str
    logo: str
    description: str

    @property
    def enrolment(self) -> tuple[str, str, str]:
        """Key of the enrolment that gets the certificate."""
        return self.user_id, self.course_id, self.batch_id


class Submitted(msgspec.Struct):
    """A request with what was found about its signatories, which counts only where
    ``enable.suppress.exception`` is off, and then before all that was found later."""

    request: CertificateRequest | None
    signatory_problem: tuple[str, str] | None = None
    later_problem: tuple[str, str, str] | None = None

    def checked(self, suppress: bool) -> CertificateRequest:
        """The request.

        Raises:
            InvalidEvent: it cannot be used.
        """
        if self.signatory_problem is not None and not suppress:
            raise InvalidEvent(*self.signatory_problem)
        if self.later_problem is not None:
            reason, code, error = self.later_problem
            raise InvalidEvent(reason, code, error)
        assert self.request is not None
        return self.request


def submitted(members: dict[str, Any]) -> Submitted:
    """The request of an event. Rules in the contract's order; nested nulls count as absent.

    Raises:
        InvalidEvent: a rule before those about signatories is violated.
    """
    edata = _object(without_null_members(members), "edata", "event")
    if not edata:
        raise _missing("edata")
    name, svg_template = _mandatory(edata, "name"), _mandatory(edata, "svgTemplate")
    data = _objects(edata, "data")
    if not data:
        raise _missing("edata.data")
    for entry in data:
        _mandatory(entry, "recipientName", "edata.data")
    issuer = _object(edata, "issuer")
    if not issuer:
        raise _missing("edata.issuer")
    issuer_name, issuer_url = (_mandatory(issuer, member, "edata.issuer") for member in ("name", "url"))
    signatories = _objects(edata, "signatoryList")
    problem = _signatory_problem(signatories)
    try:
        narrative = _narrative(edata)
        tag = _tag(edata)
        _check_base_path(edata)
        key_id = _key_id(edata, issuer)
        related = _object(edata, "related")
        _check_can_be_kept(signatories, "edata.signatoryList")
        _check_can_be_kept(related, "edata.related")
        request = CertificateRequest(
            user_id=checked_id(_text(edata, "userId"), "edata.userId"),
            course_id=checked_id(_text(related, "courseId", "edata.related"), "edata.related.courseId"),
            batch_id=checked_id(_text(related, "batchId", "edata.related"), "edata.related.batchId"),
            name=name,
            svg_template=svg_template,
            recipients=[_recipient(entry) for entry in data],
            issuer_name=issuer_name,
            issuer_url=issuer_url,
            signatories=signatories,
            narrative=narrative,
            course_name=_text(edata, "courseName"),
            template_id=_text(edata, "templateId"),
            old_id=_old_id(edata),
            issued_date=_text(edata, "issuedDate"),
            expiry=_text(edata, "expiry"),
            related=related,
            tag=tag,
            key_id=key_id,
            logo=_text(edata, "logo"),
            description=_text(edata, "description"),
        )
    except InvalidEvent as error:
        if problem is None:
            raise
        return Submitted(None, problem, (error.reason, error.code, error.error))
    return Submitted(request, problem)


def is_blank(text: str) -> bool:
    """Empty or only white space."""
    return not text.strip()


def _signatory_problem(signatories: list[dict[str, Any]]) -> tuple[str, str] | None:
    """The first violation of rule 5, and its code."""
    try:
        if not signatories:
            raise _missing("edata.signatoryList")
        for entry in signatories:
            for member in ("name", "id", "designation", "image"):
                _mandatory(entry, member, "edata.signatoryList")
    except InvalidEvent as error:
        return error.reason, error.code
    return None


def _narrative(edata: Members) -> str:
    criteria = _object(edata, "criteria")
    if not criteria:
        raise _missing("edata.criteria")
    return _mandatory(criteria, "narrative", "edata.criteria")


def _tag(edata: Members) -> str:
    tag = _text(edata, "tag")
    if not is_blank(tag) and _NOT_IN_TAGS.search(tag):
        raise InvalidEvent("invalid parameter tag", INVALID_VALUE, f"Invalid value {tag} for parameter tag.")
    return tag


def _check_base_path(edata: Members) -> None:
    path = _text(edata, "basePath")
    if not is_blank(path) and not _URL.fullmatch(path):
        error = f"Invalid value {path} for parameter certificate.basePath."
        raise InvalidEvent("invalid parameter certificate.basePath", INVALID_VALUE, error)


def _key_id(edata: Members, issuer: Members) -> str:
    """Rule 9 as it was meant (D5)."""
    public_keys = issuer.get("publicKey", [])
    if not isinstance(public_keys, list) or not all(isinstance(key, str) for key in public_keys):
        raise InvalidEvent("edata.issuer.publicKey is no list of strings")
    keys = _object(edata, "keys")
    if not keys:
        return ""
    key_id = _mandatory(keys, "id", "edata.keys")
    if public_keys and key_id not in map(_id_of_public_key, public_keys):
        shown = f"List({', '.join(public_keys)})"
        raise InvalidEvent(
            "edata.issuer.publicKey does not contain keys.id",
            INVALID_VALUE,
            f"Invalid value {shown} for parameter edata.issuer.publicKey. "
            ",public key attribute must contain keys.id value",
        )
    return key_id


def _id_of_public_key(entry: str) -> str:
    """Of an address it is the first character of its last segment."""
    return entry.rstrip("/").rpartition("/")[2][:1] if entry.startswith("http") else entry


def _check_can_be_kept(value: object, path: str) -> None:
    """What is passed on as it is stands in the plan until then."""
    try:
        msgspec.msgpack.encode(value)
    except (OverflowError, RecursionError, UnicodeError):
        raise InvalidEvent(f"{path} holds something that cannot be passed on") from None


def _recipient(entry: Members) -> Recipient:
    return Recipient(
        _text(entry, "recipientId", "edata.data"),
        _text(entry, "recipientName", "edata.data"),
        _text(entry, "validFrom", "edata.data"),
    )


def _old_id(edata: Members) -> str:
    old_id = _text(edata, "oldId")
    return checked_id(old_id, "edata.oldId") if old_id else ""


def _missing(path: str) -> InvalidEvent:
    return InvalidEvent(f"Mandatory parameter {path} is missing.", MISSING)


def _mandatory(members: Members, name: str, where: str = "edata") -> str:
    text = _text(members, name, where)
    if is_blank(text):
        raise _missing(f"{where}.{name}")
    return text


def _text(members: Members, name: str, where: str = "edata") -> str:
    value = members.get(name, "")
    if not isinstance(value, str):
        raise InvalidEvent(f"{where}.{name} is not a string")
    return value


def _object(members: Members, name: str, where: str = "edata") -> dict[str, Any]:
    value = members.get(name, {})
    if not isinstance(value, dict):
        raise InvalidEvent(f"{where}.{name} is not an object")
    return value


def _objects(members: Members, name: str) -> list[dict[str, Any]]:
    value = members.get(name, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise InvalidEvent(f"edata.{name} is not a list of objects")
    return value
