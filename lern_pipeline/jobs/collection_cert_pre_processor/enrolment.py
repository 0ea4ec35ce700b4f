"""Enrolment criteria (contract collection-cert-pre-processor 5.3). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lern_pipeline.jobs.collection_cert_pre_processor.refusal import INVALID_DATA, INVALID_TEMPLATE, Refused
from lern_pipeline.jobs.collection_cert_pre_processor.template import Template

#: Columns that are read for every learner; others where a template names them.
COLUMNS = ("userid", "courseid", "batchid", "active", "status", "completedon", "issued_certificates")

COMPLETED = 2

# No JSON can be made of a value of these types.
_UNWRITABLE_TYPES = ("duration", "varint", "counter")


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The learner meets the criteria. ``completed_on`` in epoch milliseconds; None: unknown, or not looked at."""

    old_id: str = ""
    completed_on: int | None = None
    props: Mapping[str, Any] = field(default_factory=dict)


def enrolled(
    template: Template, row: Mapping[str, Any] | None, columns: Mapping[str, str], re_issue: bool | None
) -> Enrolled | None:
    """What the criteria make of the enrolment; None: not met.

    Args:
        row: columns that are not null; None where the learner is not enrolled.
        columns: name and CQL type of all columns of the table.

    Raises:
        Refused: a name in ``additionalProps.enrollment`` is no column; ``reIssue`` is no boolean and matters.
    """
    if not template.enrolment_criteria:
        # Whether it is issued already is for the generator to find out.
        return Enrolled()
    if row is None:
        return None
    props = {name: _prop(name.lower(), row, columns) for name in template.additional["enrollment"]}
    expected = template.enrolment_criteria.get("status", COMPLETED)
    is_number = isinstance(expected, (int, float)) and not isinstance(expected, bool)
    if row.get("active") is not True or not is_number or row.get("status", 0) != expected:
        return None
    old_id = _issued(template.name, row)
    if old_id is None:
        return Enrolled("", row.get("completedon"), props)
    if re_issue is None:
        raise Refused(INVALID_DATA, "edata.reIssue is not a boolean")
    return Enrolled(old_id, row.get("completedon"), props) if re_issue else None


def named_columns(template: Template) -> list[str]:
    """Columns that the template wants beside :data:`COLUMNS`, whether or not the table has them."""
    return [name.lower() for name in template.additional["enrollment"]] if template.enrolment_criteria else []


def _issued(name: str, row: Mapping[str, Any]) -> str | None:
    """Id of the first certificate of that name, whatever its template (D14); None if there is none."""
    for certificate in row.get("issued_certificates") or ():
        if equal_ignoring_case(certificate.get("name") or "", name):
            return str(certificate.get("identifier") or "")
    return None


def _prop(column: str, row: Mapping[str, Any], columns: Mapping[str, str]) -> Any:
    type_ = columns.get(column)
    if type_ is None:
        raise Refused(INVALID_TEMPLATE, "additionalProps.enrollment of a template names what is no column")
    if not is_writable(type_):
        raise Refused(INVALID_TEMPLATE, "additionalProps.enrollment of a template names a column that is no JSON")
    value = row.get(column)
    if value is not None:
        return value
    # The driver that the existing job uses has no null collections.
    return _empty(type_)


def is_writable(cql_type: str) -> bool:
    """Whether values of the type can be written as JSON."""
    return not any(name in cql_type for name in _UNWRITABLE_TYPES)


def _empty(cql_type: str) -> Any:
    if cql_type.startswith("map<"):
        return {}
    return [] if cql_type.startswith(("list<", "set<")) else None


def equal_ignoring_case(one: str, other: str) -> bool:
    """As Java compares: character by character, so that no character is ever equal to several."""
    return len(one) == len(other) and all(
        a == b or a.upper() == b.upper() or a.lower() == b.lower() for a, b in zip(one, other, strict=True)
    )
