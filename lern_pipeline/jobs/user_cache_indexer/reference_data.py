"""What the rules look up beside the user's own row (contract 2.2, 2.3, 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lern_pipeline.microbatch.user_directory import NoAnswer

SCHOOL = 2
"""``organisationtype`` of a school."""


class Organisation(NamedTuple):
    """A row of the table `organisation`; ``locationids`` and ``orglocation`` are read for the extended set only."""

    orgname: str | None
    externalid: str | None
    organisationtype: int | None
    locationids: Sequence[str] | None = None
    orglocation: str | None = None


class Location(NamedTuple):
    """A row of the table `location`."""

    name: str | None
    type: str | None


class Declaration(NamedTuple):
    """A row of the table `user_declarations`; ``external_id`` is `userinfo['declared-ext-id']`."""

    orgid: str
    persona: str
    external_id: str | None


class ExternalIdentity(NamedTuple):
    """A row of the table `usr_external_identity`."""

    idtype: str
    provider: str
    externalid: str


@dataclass(slots=True)
class ReferenceData:
    """For some users. ``memberships``: user id → organisations that they are in now; the others by their own ids."""

    custodian: str
    memberships: Mapping[str, Sequence[str]] = field(default_factory=dict)
    organisations: Mapping[str, Organisation] = field(default_factory=dict)
    locations: Mapping[str, Location] = field(default_factory=dict)
    categories: Mapping[str, tuple[str, ...] | NoAnswer] = field(default_factory=dict)
    declarations: Mapping[str, Sequence[Declaration]] = field(default_factory=dict)
    identities: Mapping[str, Sequence[ExternalIdentity]] = field(default_factory=dict)
