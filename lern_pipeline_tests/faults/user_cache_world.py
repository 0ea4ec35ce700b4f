"""Users whose hashes follow their profiles: some have moved, some are blocked, some nobody knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import unquote

from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE_UPDATER
from lern_pipeline.jobs.user_cache_updater.state import DATABASE, SERVER
from lern_pipeline.microbatch.plan import CacheWrites, SetText, UpdateHash
from lern_pipeline_tests.faults.job_world import ClientOf, JobWorld, keys_naming
from lern_pipeline_tests.third_party.answers import Answer, Request
from lern_pipeline_tests.third_party.server import ThirdParty

EVENTS_PER_USER = 4
PRODUCER = "userorg-service"

#: By a user's number: what became of them.
KINDS = ("settled", "moved", "blocked", "unknown", "settled", "key is no hash")

#: What each user's events are, in their order: producer, and what they say of sign-up and role.
SAID: tuple[tuple[str, dict[str, str]], ...] = (
    (PRODUCER, {"SignupType": "google"}),
    ("sunbird.app", {"UserRole": "student"}),
    (PRODUCER, {}),
    ("sunbird.portal", {"SignupType": "sso", "UserRole": "teacher"}),
)

#: As an earlier version of the profile left it.
BEFORE = {
    "firstname": "Old",
    "state": "Old state",
    "block": "Old block",
    "schoolname": "Old school",
    "framework_id": "old",
    "framework_topic": '["Old"]',
    "userlogintype": "student",
}


class Directory:
    """The user read and the framework read; a user's id tells what the profile is."""

    name = "directory"

    def answer(self, request: Request) -> Answer | None:
        path = request.whole_path
        if "/framework/v1/read/" in path:
            categories = [{"code": code} for code in ("board", "medium", "gradeLevel")]
            return Answer({"responseCode": "OK", "result": {"framework": {"categories": categories}}})
        found = re.fullmatch(r".*/user/v1/read/(.*-(\d+))", unquote(path))
        return None if found is None else _profile(found[1], int(found[2]))

    def state(self) -> Any:
        """Nothing is kept."""

    def add(self, state: Any) -> None:
        """Nothing is kept."""


def _profile(user: str, number: int) -> Answer:
    kind = KINDS[number % len(KINDS)]
    if kind == "blocked":
        body = {"responseCode": "CLIENT_ERROR", "params": {"err": "UOS_USRRED0006"}, "result": {}}
        return Answer(body, 400)
    if kind == "unknown":
        return Answer({"responseCode": "RESOURCE_NOT_FOUND", "params": {"err": "UOS_USRRED0001"}, "result": {}}, 404)
    profile: dict[str, Any] = {
        "userId": user,
        "firstName": f"First {number}",
        "rootOrgId": "org",
        "rootOrg": {"orgName": "Org [x]"},
        "status": 1,
        "framework": {},
        "userLocations": [{"type": "state", "name": "Karnataka", "code": "29"}],
    }
    if kind == "settled":
        profile["framework"] = {"id": ["kar"], "board": ["State & Private"], "gradeLevel": ["Class 4", "Class 5"]}
        profile["userLocations"] += [{"type": "school", "name": f"[School] {number}", "code": "2922"}]
        profile["profileUserTypes"] = [{"type": "teacher", "subType": "hm"}]
    return Answer({"responseCode": "OK", "result": {"response": profile}})


@cache
def directory() -> ThirdParty:
    """Knows every user; stays up as long as the tests do."""
    return ThirdParty([Directory()]).__enter__()


class UserCacheWorld(JobWorld):
    """Four events of each user, of the user service and of others; those of one user keep their order."""

    job = USER_CACHE_UPDATER
    never_passed = frozenset({"between-rows", "between-last"})
    # Some users have the new hash, the others the old one.
    telling_points = ("between-transactions", "between-transactions#5")
    servers = ("kafka", "redis")
    times = frozenset()

    def make_workload(self) -> None:
        self._users = max(self.events // EVENTS_PER_USER, 1)
        self.environment |= {
            "LERN_PIPELINE_SERVICE_USERORG_BASEPATH": directory().address,
            "LERN_PIPELINE_SERVICE_TAXONOMY_BASEPATH": directory().address,
            "LERN_PIPELINE_REGD_USER_PRODUCER_PID": PRODUCER,
        }

    def event(self, number: int) -> bytes:
        step, user = divmod(number, self._users)
        producer, said = SAID[step % len(SAID)]
        event = {
            "eid": "AUDIT",
            "context": {
                "pdata": {"pid": producer},
                "cdata": [{"type": type_, "id": id_} for type_, id_ in said.items()],
            },
            "object": {"id": self._user(user), "type": "User"},
            "edata": {"state": "Created" if step == 0 else "Update"},
        }
        return json.dumps(event).encode()

    def partition_of(self, number: int) -> int:
        return number % self._users % 2

    def given_caches(self) -> Iterator[CacheWrites]:
        given = [
            SetText(f"user:{self._user(number)}", "text")
            if KINDS[number % len(KINDS)] == "key is no hash"
            else UpdateHash(f"user:{self._user(number)}", (), BEFORE)
            for number in range(self._users)
        ]
        yield CacheWrites(SERVER, self.settings.integer(DATABASE), [list(given)])

    def keys_left(self, client_of: ClientOf) -> Mapping[str, str]:
        return dict(keys_naming(client_of(self.settings.integer(DATABASE)), self.token, "hash"))

    def _user(self, number: int) -> str:
        return f"user-{self.token}-{number}"
