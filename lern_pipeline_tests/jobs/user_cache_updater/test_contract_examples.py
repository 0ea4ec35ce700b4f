"""The worked examples of the contract, section 11, on the pure rules."""

from __future__ import annotations

from typing import Any

import pytest

from lern_pipeline.events.validation import Skip
from lern_pipeline.jobs.user_cache_updater.audit_event import user_audit
from lern_pipeline.microbatch.user_directory import AccountBlocked, NoAnswer, ProfileRead
from lern_pipeline_tests.jobs.user_cache_updater.deciding import UserCache, audit

pytestmark = pytest.mark.contracts

# As the client hands it over: without null members.
ASHA: dict[str, Any] = {
    "userId": "u-100",
    "firstName": "Asha",
    "lastName": "Rao [T]",
    "status": 1,
    "rootOrgId": "org-77",
    "rootOrg": {"orgName": "Kar Dept & Co"},
    "encEmail": "E1==",
    "framework": {
        "id": ["kar_k12"],
        "board": ["State & Private"],
        "gradeLevel": ["Class 4", "Class 5"],
        "medium": [],
        "hobby": ["x"],
    },
    "userLocations": [
        {"type": "state", "name": "Karnataka", "code": "29"},
        {"type": "district", "name": "Mysuru", "code": "2901"},
        {"type": "school", "name": "[GHPS] Hebbal", "code": "29220100101"},
    ],
    "profileUserTypes": [
        {"type": "teacher"},
        {"type": "administrator", "subType": "hm"},
        {"type": "teacher", "subType": "hm"},
    ],
}
E1_HASH = {
    "usersignintype": "Self-Signed-In",
    "framework_id": "kar_k12",
    "framework_board": '["State \\u0026 Private"]',
    "framework_gradeLevel": '["Class 4","Class 5"]',
    "state": "Karnataka",
    "district": "Mysuru",
    "schoolname": "\\[GHPS\\] Hebbal",
    "schooludisecode": "29220100101",
    "usertype": "teacher,administrator",
    "usersubtype": "hm",
    "profileusertypes": (
        '\\[{"type":"teacher"},{"subType":"hm","type":"administrator"},{"subType":"hm","type":"teacher"}\\]'
    ),
    "firstname": "Asha",
    "lastname": "Rao \\[T\\]",
    "language": "",
    "phone": "",
    "orgname": "Kar Dept & Co",
    "rootorgid": "org-77",
    "email": "E1==",
    "status": "1",
    "userid": "u-100",
}


@pytest.fixture
def cache() -> UserCache:
    cache = UserCache()
    cache.world.directory.profiles["u-100"] = ProfileRead(ASHA)
    cache.world.directory.categories["kar_k12"] = ("board", "medium", "gradeLevel", "subject")
    return cache


def test_e1_first_event_of_a_registered_user(cache: UserCache) -> None:
    cdata = [{"type": "SignupType", "id": "google"}, {"type": "Request", "id": "r1"}]
    decision = cache.take(audit("u-100", "Created", cdata=cdata))
    assert cache.hash_of("u-100") == E1_HASH
    assert decision.metrics == {"user-cache-hit": 1, "api-read-success-count": 1, "api-read-miss-count": 0}


def test_e2_an_update_removes_what_the_profile_no_longer_has(cache: UserCache) -> None:
    cache.give("u-100", E1_HASH | {"block": "Nanjangud", "framework_medium": '["Kannada"]', "userlogintype": "teacher"})
    less = ASHA | {"framework": {}, "userLocations": [{"type": "state", "name": "Karnataka"}]}
    cache.world.directory.profiles["u-100"] = ProfileRead(less)
    cache.take(audit("u-100"))
    gone = {"district", "schoolname", "schooludisecode", "framework_id", "framework_board", "framework_gradeLevel"}
    kept = {name: value for name, value in E1_HASH.items() if name not in gone}
    assert cache.hash_of("u-100") == kept | {"userlogintype": "teacher"}
    assert cache.world.directory.asked == ["u-100"]


def test_e3_an_event_of_the_app_writes_the_login_type_alone(cache: UserCache) -> None:
    cache.give("u-100", {"state": "Goa", "framework_id": "f"})
    cdata = [{"type": "UserRole", "id": "student"}, {"type": "userrole", "id": "teacher"}]
    cache.take(audit("u-100", "Updated", "sunbird.app", cdata))
    assert cache.hash_of("u-100") == {"state": "Goa", "framework_id": "f", "userlogintype": "teacher"}
    assert cache.world.directory.asked == []


def test_e4_what_is_not_for_this_job_is_skipped_once(cache: UserCache) -> None:
    assert isinstance(user_audit(audit("u-100", type="content")), Skip)
    assert isinstance(user_audit(audit("u-100", "Archived")), Skip)
    decision = cache.take(audit("u-100", pid="sunbird.app"))
    assert len(decision.skipped) == 1
    assert not decision.cache[0].transactions


def test_e5_a_blocked_user_is_left_alone(cache: UserCache) -> None:
    cache.world.directory.profiles["u-200"] = AccountBlocked()
    cache.give("u-200", {"state": "Goa"})
    decision = cache.take(audit("u-200", "Delete"))
    assert len(decision.skipped) == 1
    assert decision.metrics["api-read-miss-count"] == 1
    assert cache.hash_of("u-200") == {"state": "Goa"}


def test_e6_an_unknown_user_is_parked_and_the_next_is_handled(cache: UserCache) -> None:
    cache.world.directory.profiles["u-404"] = NoAnswer("user-read: RESOURCE_NOT_FOUND")
    decision = cache.take(audit("u-404"), audit("u-100"))
    (failure,) = decision.failed.values()
    assert failure.reason == "user-read: RESOURCE_NOT_FOUND"
    assert cache.hash_of("u-404") is None
    assert cache.hash_of("u-100")["firstname"] == "Asha"
