"""Templates of a batch (contract collection-cert-pre-processor 4, 5.1, 5.2, D3, D12, D15). Pure.

All values of a template are texts, some of them JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lern_pipeline.events.lenient_json import InvalidJson, parse_lenient
from lern_pipeline.jobs.collection_cert_pre_processor.refusal import INVALID_TEMPLATE, Refusal, Refused

ADDITIONAL_PROPS = ("enrollment", "assessment", "user", "location", "course")


@dataclass(frozen=True, eq=False, slots=True)
class Template:
    """A template whose criteria can be evaluated.

    ``enrolment_criteria``, ``assessment_criteria`` and ``user_criteria`` are empty where there are none; ``additional``
    has all of :data:`ADDITIONAL_PROPS`.
    """

    key: str
    identifier: str
    name: str
    url: str
    enrolment_criteria: Mapping[str, Any]
    assessment_criteria: Mapping[str, Any]
    user_criteria: tuple[tuple[str, Any], ...]
    additional: Mapping[str, tuple[str, ...]]
    issuer_text: str | None
    signatory_list_text: str | None

    def issuer(self) -> dict[str, Any]:
        """Only looked at when a certificate is asked for, as the existing job does.

        Raises:
            Refused: no JSON object; the LMS may have stored the signatories there (D12).
        """
        issuer = _json("issuer", self.issuer_text, {})
        if not isinstance(issuer, dict):
            raise Refused(INVALID_TEMPLATE, "issuer of a template is not a JSON object")
        return issuer

    def signatory_list(self) -> list[Any]:
        """As :meth:`issuer`.

        Raises:
            Refused: no JSON array.
        """
        signatories = _json("signatoryList", self.signatory_list_text, [])
        if not isinstance(signatories, list):
            raise Refused(INVALID_TEMPLATE, "signatoryList of a template is not a JSON array")
        return signatories


@dataclass(frozen=True, slots=True)
class BrokenTemplate:
    """A template that nobody can be evaluated for."""

    key: str
    refusal: Refusal


def usable_templates(
    cert_templates: Mapping[str, Mapping[str, str]] | None, batch_id: str
) -> list[Template | BrokenTemplate]:
    """Those with an SVG, by key; the others are left out silently (4, D15)."""
    found: list[Template | BrokenTemplate] = []
    for key, fields in sorted((cert_templates or {}).items()):
        if ".svg" in (fields.get("url") or ""):
            try:
                found.append(_template(key, fields, batch_id))
            except Refused as error:
                found.append(BrokenTemplate(key, error.refusal))
    return found


def _template(key: str, fields: Mapping[str, str], batch_id: str) -> Template:
    criteria = _json("criteria", fields.get("criteria"), {})
    if not isinstance(criteria, dict):
        raise Refused(INVALID_TEMPLATE, "criteria of a template are not a JSON object")
    # `users` is what the existing job checks, `user` what it evaluates (D3).
    if not criteria.keys() & {"enrollment", "assessment", "user", "users"}:
        raise Refused(INVALID_TEMPLATE, "a template without known criteria", f"Invalid template for batch : {batch_id}")
    user_criteria = [*_object(criteria, "user").items(), *_object(criteria, "users").items()]
    return Template(
        key,
        fields.get("identifier") or "",
        fields.get("name") or "",
        fields["url"],
        _object(criteria, "enrollment"),
        _object(criteria, "assessment"),
        tuple(user_criteria),
        _additional_props(fields.get("additionalProps")),
        fields.get("issuer"),
        fields.get("signatoryList"),
    )


def _json(name: str, text: str | None, default: object) -> object:
    if text is None:
        return default
    try:
        return parse_lenient(text)
    except InvalidJson as error:
        raise Refused(INVALID_TEMPLATE, f"{name} of a template is not JSON", f"{name} is not JSON: {error}") from None


def _object(criteria: dict[str, Any], name: str) -> dict[str, Any]:
    value = criteria.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Refused(INVALID_TEMPLATE, f"criteria.{name} of a template is not an object")
    return value


def _additional_props(text: str | None) -> dict[str, tuple[str, ...]]:
    props = _json("additionalProps", text, {})
    if not isinstance(props, dict):
        raise Refused(INVALID_TEMPLATE, "additionalProps of a template are not a JSON object")
    for name, names in props.items():
        if names is not None and not (isinstance(names, list) and all(isinstance(one, str) for one in names)):
            what = f"additionalProps.{name}" if name in ADDITIONAL_PROPS else "a member of additionalProps"
            raise Refused(INVALID_TEMPLATE, f"{what} of a template is not an array of texts")
    return {name: tuple(props.get(name) or ()) for name in ADDITIONAL_PROPS}
