"""The indexer and user-cache-updater on the same user: what may differ (contract 7), and that nothing else does."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from lern_pipeline.jobs.user_cache_indexer.consistency import differences
from lern_pipeline.microbatch.user_directory import ProfileRead
from lern_pipeline_tests.jobs.user_cache_indexer.cassandra_users import Indexing
from lern_pipeline_tests.jobs.user_cache_updater.deciding import UserCache, audit

pytestmark = pytest.mark.rules

TYPES = [{"type": "teacher", "subType": "hm"}, {"type": "administrator"}]
#: As Cassandra has the user.
ROW: dict[str, Any] = {
    "firstname": "Asha [R]",
    "lastname": None,
    "email": "E1==",
    "phone": None,
    "rootorgid": "org-cust",
    "status": 1,
    "framework": {"id": ["kar"], "board": ["State & Private"], "medium": [], "gradeLevel": ["Class 4", "Class 5"]},
    "profilelocation": json.dumps([{"type": kind, "id": f"L{n}"} for n, kind in ((1, "state"), (2, "district"))]),
    "profileusertypes": json.dumps(TYPES),
}
#: As the user service tells of the same user; the client leaves nulls out.
PROFILE: dict[str, Any] = {
    "userId": "u1",
    "firstName": "Asha [R]",
    "encEmail": "E1==",
    "rootOrgId": "org-cust",
    "rootOrg": {"orgName": "Custodian"},
    "status": 1,
    "framework": ROW["framework"],
    "userLocations": [
        {"type": "state", "name": "Karnataka", "id": "L1"},
        {"type": "district", "name": "Mysuru", "id": "L2"},
        {"type": "school", "name": "GHPS [Hebbal]", "code": "2922"},
    ],
    "profileUserTypes": TYPES,
}
SIGN_UP = [{"type": "SignupType", "id": "self"}, {"type": "UserRole", "id": "teacher"}]

#: Field → how the two may write it (contract 7): (indexer, updater); None: absent.
ALLOWED: dict[str, tuple[str | None, str | None]] = {
    # Null values: absent, or empty.
    "lastname": (None, ""),
    "phone": (None, ""),
    # List: JSON as it is, or safe inside HTML.
    "framework_board": ('["State & Private"]', '["State \\u0026 Private"]'),
    # Plain JSON in the stored order, or escaped in the existing order.
    "profileusertypes": (
        '[{"type":"teacher","subType":"hm"},{"type":"administrator"}]',
        '\\[{"subType":"hm","type":"teacher"},{"type":"administrator"}\\]',
    ),
    # Written by events alone.
    "language": (None, ""),
    "userid": (None, "u1"),
    "userlogintype": (None, "teacher"),
}


@dataclass(frozen=True)
class Variant:
    """The user in another way: what Cassandra and the user service have instead, and what then differs."""

    row: dict[str, Any]
    profile: dict[str, Any]
    differing: dict[str, tuple[str | None, str | None]]


VARIANTS: dict[str, Variant] = {
    "as above": Variant({}, PROFILE, ALLOWED),
    # The event's, or what the root organisation means.
    "sign-in type": Variant(
        {"rootorgid": "org-kar"},
        PROFILE | {"rootOrgId": "org-kar", "rootOrg": {"orgName": "Kar Dept"}},
        ALLOWED | {"usersignintype": ("Validated", "Self-Signed-In")},
    ),
    # The service tells of a school only with enough memberships and locations; the indexer needs one membership.
    "school": Variant(
        {},
        PROFILE | {"userLocations": PROFILE["userLocations"][:2]},
        ALLOWED | {"schoolname": ("GHPS \\[Hebbal\\]", None), "schooludisecode": ("2922", None)},
    ),
    # Without user types the indexer writes them empty.
    "user types": Variant(
        {"profileusertypes": None},
        {name: value for name, value in PROFILE.items() if name != "profileUserTypes"},
        {name: both for name, both in ALLOWED.items() if name != "profileusertypes"}
        | dict.fromkeys(("usertype", "usersubtype", "profileusertypes"), ("", None)),
    ),
    # Types beyond the four are the updater's.
    "location types": Variant(
        {},
        PROFILE | {"userLocations": [*PROFILE["userLocations"], {"type": "zone", "name": "South", "id": "L9"}]},
        ALLOWED | {"zone": (None, "South")},
    ),
}


def by_the_indexer(indexing: Indexing, **changed: Any) -> dict[str, str]:
    indexing.user("u1", ("org-cust", "org-s1"), **(ROW | changed))
    indexing.run()
    fields: dict[str, str] = indexing.hash_of("u1")
    return fields


def by_the_updater(profile: Any, cdata: Any = SIGN_UP) -> dict[str, str]:
    cache = UserCache()
    cache.world.directory.categories["kar"] = ("board", "medium", "gradeLevel", "subject")
    cache.world.directory.profiles["u1"] = ProfileRead(profile)
    cache.take(audit("u1", cdata=cdata))
    fields: dict[str, str] = cache.hash_of("u1")
    return fields


def differing(indexer: dict[str, str], updater: dict[str, str]) -> dict[str, tuple[str | None, str | None]]:
    names = indexer.keys() | updater.keys()
    return {n: (indexer.get(n), updater.get(n)) for n in names if indexer.get(n) != updater.get(n)}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_the_same_user_differs_in_what_is_allowed_and_in_nothing_else(indexing: Indexing, variant: Variant) -> None:
    indexer, updater = by_the_indexer(indexing, **variant.row), by_the_updater(variant.profile)
    assert differing(indexer, updater) == variant.differing
    assert len(indexer.keys() & updater.keys()) >= 12


def test_an_event_that_says_nothing_of_a_sign_up_writes_no_sign_in_type() -> None:
    assert "usersignintype" not in by_the_updater(PROFILE, cdata=None)


def test_what_is_allowed_to_differ_is_no_finding_of_the_check(indexing: Indexing) -> None:
    assert differences(by_the_updater(PROFILE), by_the_indexer(indexing)) == []


def test_an_update_of_what_the_updater_wrote_makes_it_the_indexers(indexing: Indexing) -> None:
    """Only what Cassandra gives no value for stays as the updater wrote it."""
    updater = by_the_updater(PROFILE)
    indexing.give_hash("u1", updater)
    kept = {name: there for name, (gives, there) in ALLOWED.items() if gives is None}
    assert by_the_indexer(indexing) == {k: v for k, v in updater.items() if k in kept} | by_the_indexer(
        Indexing(indexing.store / "other")
    )
