"""The learner who moves: as the user service and its tables have them, and what it says when something changes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lern_pipeline.jobs.manage_learn.documents import SERVER as MANAGE_LEARN
from lern_pipeline.local.demo.certificates import profile
from lern_pipeline.local.demo.learners import PROCESSED, Outcome, SampleEvent
from lern_pipeline.microbatch.plan import DocumentUpdate, DocumentUpdates, RowWrites

FRAMEWORK_ID = "demo_foundations"
CATEGORIES = ("board", "medium", "gradeLevel", "subject")
FRAMEWORK = {"id": [FRAMEWORK_ID], "board": ["State Board"], "medium": ["English"], "gradeLevel": ["Class 1"]}
USER_TYPES = [{"type": "teacher", "subType": "hm"}]
ORGANISATION, ORGANISATION_NAME = "org-demo", "Example Board"


@dataclass(frozen=True, slots=True)
class Home:
    """Where somebody lives and teaches. ``places``: type → name."""

    places: dict[str, str]
    school: str
    code: str


FIRST_HOME = Home({"state": "Karnataka", "district": "Mysuru", "block": "Nanjangud"}, "School in Hebbal", "29220100101")
SECOND_HOME = Home({"state": "Kerala", "district": "Idukki"}, "School in Munnar", "32090100202")


def user_read(user_id: str, home: Home) -> dict[str, Any]:
    """What the user service answers about the user."""
    places = [{"type": kind, "name": name, "code": name} for kind, name in home.places.items()]
    return profile(user_id) | {
        "userId": user_id,
        "identifier": user_id,
        "rootOrg": {"orgName": ORGANISATION_NAME},
        "status": 1,
        "framework": FRAMEWORK,
        "userLocations": [*places, {"type": "school", "name": home.school, "code": home.code}],
        "profileUserTypes": USER_TYPES,
    }


def shared_rows(time_us: int) -> Iterator[RowWrites]:
    """The organisations and places that users refer to."""
    organisations = [[ORGANISATION, ORGANISATION_NAME, 5, None, time_us]]
    organisations += [[home.code, home.school, 2, home.code, time_us] for home in (FIRST_HOME, SECOND_HOME)]
    columns = ("orgname", "organisationtype", "externalid")
    yield RowWrites("sunbird.organisation", ("id",), columns, rows=organisations)
    places = [
        [_place(kind, name), name, kind, time_us]
        for home in (FIRST_HOME, SECOND_HOME)
        for kind, name in home.places.items()
    ]
    yield RowWrites("sunbird.location", ("id",), ("name", "type"), rows=places)


def user_rows(user_id: str, home: Home, time_us: int) -> Iterator[RowWrites]:
    """The user and the memberships; a school of before is left."""
    known, places = profile(user_id), [{"type": kind, "id": _place(kind, name)} for kind, name in home.places.items()]
    columns: dict[str, Any] = {
        "userid": user_id,
        "firstname": known["firstName"],
        "lastname": known["lastName"],
        "rootorgid": known["rootOrgId"],
        "status": 1,
        "framework": FRAMEWORK,
        "profilelocation": json.dumps(places),
        "profileusertypes": json.dumps(USER_TYPES),
    }
    yield RowWrites("sunbird.user", ("id",), tuple(columns), rows=[[user_id, *columns.values(), time_us]])
    members = [[user_id, ORGANISATION, False, time_us], [user_id, home.code, False, time_us]]
    if home is not FIRST_HOME:
        members.append([user_id, FIRST_HOME.code, True, time_us])
    yield RowWrites("sunbird.user_organisation", ("userid", "organisationid"), ("isdeleted",), rows=members)


def account_rows(user_id: str, time_us: int) -> Iterator[RowWrites]:
    """What a user is found by: addresses and names, encrypted as the user service has them, and another system's id."""
    found_by = {name: f"{name}-of-{user_id}==" for name in ("email", "phone", "username")}
    yield RowWrites("sunbird.user", ("id",), tuple(found_by), rows=[[user_id, *found_by.values(), time_us]])
    lookups = [[kind, value, user_id, time_us] for kind, value in found_by.items()]
    lookups.append(["externalid", f"ext-{user_id}@{ORGANISATION}", user_id, time_us])
    yield RowWrites("sunbird.user_lookup", ("type", "value"), ("userid",), rows=lookups)
    identity = [ORGANISATION, ORGANISATION, f"ext-{user_id}", user_id, time_us]
    key = ("provider", "idtype", "externalid")
    yield RowWrites("sunbird.usr_external_identity", key, ("userid",), rows=[identity])


def project(user_id: str) -> DocumentUpdates:
    """A project of the user's in Manage Learn."""
    profile_of = {"firstName": profile(user_id)["firstName"], "email": f"email-of-{user_id}=="}
    update = DocumentUpdate(
        "userId", [user_id], {"$set": {"title": "A library for our school", "userProfile": profile_of}}, insert=True
    )
    return DocumentUpdates(MANAGE_LEARN, "projects", [update])


def signed_up(user_id: str, producer: str) -> list[SampleEvent]:
    """The user service tells of the new user, and the app of the first log-in."""
    return [
        _audit(user_id, "Create", producer, [{"type": "SignupType", "id": "self"}]),
        _audit(user_id, "Update", "sunbird.app", [{"type": "UserRole", "id": "teacher"}]),
    ]


def moved(user_id: str, producer: str) -> list[SampleEvent]:
    """The user service tells of the change; an event about something else is on the same topic."""
    other = _audit(user_id, "Update", producer, [], "Organisation", Outcome("skipped", "not about a user"))
    return [_audit(user_id, "Update", producer, []), other]


def _audit(
    user_id: str,
    state: str,
    producer: str,
    cdata: list[dict[str, str]],
    kind: str = "User",
    outcome: Outcome = PROCESSED,
) -> SampleEvent:
    event = {
        "eid": "AUDIT",
        "context": {"pdata": {"id": "org.sunbird.platform", "pid": producer}, "cdata": cdata},
        "object": {"id": user_id, "type": kind},
        "edata": {"state": state, "props": []},
    }
    # One user's events keep their order.
    return SampleEvent(user_id, json.dumps(event).encode(), outcome)


def _place(kind: str, name: str) -> str:
    return f"demo-{kind}-{name.lower()}"
