"""Streams of user-cache-updater and program-user-info, for :mod:`.streams`.

Of both the last event wins, so those of one user, or of one user in one program, keep their order; a replay begins at
an earlier position and goes on to the end (contracts user-cache-updater 7 and 9, program-user-info 6 and 8).
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from lern_pipeline.jobs.program_user_info.job import PROGRAM_USER_INFO
from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE_UPDATER
from lern_pipeline.microbatch.user_directory import AccountBlocked, NoAnswer, ProfileRead
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.jobs.activity_aggregate_updater.learners import Learners
from lern_pipeline_tests.jobs.stream import Draw, Events, Stream, replayed, said
from lern_pipeline_tests.jobs.user_cache_updater.deciding import audit

FAILED = "test.lern.pipeline.failed"
NO_DATE, NO_USER = "no date", "no user"


def _other_keys(one: Any, other: Any) -> bool:
    """Whether the events are of different users or rows."""
    return bool(one[0] != other[0])


def _replayed(events: Events, draw: Draw) -> Events:
    return replayed(events, draw, _other_keys)


def _nothing(platform: Learners) -> list[str]:
    """The jobs tell nobody."""
    return said(platform)


# --- user-cache-updater: an older batch that is run again puts back the sign-in and login types of its events (9); the
# profile is the current one.

PRODUCER = "userorg-service"
OF_EVENTS = ("usersignintype", "userlogintype")

#: (user, producer, what is said of sign-up, of role)
audits = st.tuples(
    st.sampled_from(["full", "moved", "blocked", "unknown", "no hash"]),
    st.sampled_from([PRODUCER, PRODUCER, "sunbird.app"]),
    st.sampled_from(["google", "sso", "other", None]),
    st.sampled_from(["teacher", "student", None]),
)
hashes = st.dictionaries(
    st.sampled_from(["state", "block", "schoolname", "framework_id", "framework_x", "usertype", *OF_EVENTS]),
    st.sampled_from(["", "old"]),
    min_size=1,
)


def _cached(base: str, given: dict[str, dict[str, str]]) -> Learners:
    environment = {"LERN_PIPELINE_ENV": "test", "LERN_PIPELINE_REGD_USER_PRODUCER_PID": PRODUCER}
    platform = Learners(
        base, load_configuration(None, environment).for_job(USER_CACHE_UPDATER.name), USER_CACHE_UPDATER
    )
    there = platform.world.caches.database("redis-meta", 12)
    there |= {f"user:{user}": fields for user, fields in given.items()} | {"user:no hash": "text"}
    state, block = ({"type": kind, "name": f"a {kind}"} for kind in ("state", "block"))
    platform.world.directory.profiles |= {
        "full": ProfileRead({"framework": {"id": ["f"], "board": ["B"]}, "userLocations": [state, block]}),
        "moved": ProfileRead({"userLocations": [state], "profileUserTypes": [{"type": "teacher"}]}),
        "no hash": ProfileRead({}),
        "blocked": AccountBlocked(),
        "unknown": NoAnswer("user-read: RESOURCE_NOT_FOUND"),
    }
    platform.world.directory.categories["f"] = ("board",)
    return platform


def _changed(platform: Learners, event: Any) -> None:
    user, producer, sign_up, role = event
    said_of = {"SignupType": sign_up, "UserRole": role}
    cdata = [{"type": kind, "id": id_} for kind, id_ in said_of.items() if id_ is not None]
    platform.publish_value(json.dumps(audit(user, pid=producer, cdata=cdata)).encode())


def _hashes(platform: Learners) -> dict[str, Any]:
    return dict(platform.world.caches.database("redis-meta", 12))


def _profiles(platform: Learners) -> dict[str, Any]:
    """Without what events alone say."""
    return {
        key: {name: value for name, value in held.items() if name not in OF_EVENTS} if isinstance(held, dict) else held
        for key, held in _hashes(platform).items()
    }


USER_CACHE = Stream(
    job=USER_CACHE_UPDATER.name,
    given=st.fixed_dictionaries({}, optional=dict.fromkeys(["full", "moved", "blocked", "unknown"], hashes)),
    events=st.lists(audits, min_size=1, max_size=10),
    make=_cached,
    send=_changed,
    state=_hashes,
    state_of_a_rerun=_profiles,
    told=_nothing,
    told_in_any_cut=_nothing,
    told_once=_nothing,
    failed=FAILED,
    repeated=_replayed,
)

# --- program-user-info: nothing is excepted; an older batch that is run again keeps its write time.

TABLE = "sunbird_programs.program_enrollment"

#: (row, name of the program, sections of the profile, consent)
documents = st.tuples(
    st.sampled_from([("p", "u"), ("p", "v"), ("q", "u"), ("p", NO_DATE), ("p", NO_USER)]),
    st.sampled_from(["Reading", "Writing", None]),
    st.frozensets(st.sampled_from(["state", "no location", "types", "organisation", "no organisation"])),
    st.sampled_from([True, False, None]),
)


def _enrolled_before(base: str, given: dict[str, str]) -> Learners:
    settings = load_configuration(None, {"LERN_PIPELINE_ENV": "test"}).for_job(PROGRAM_USER_INFO.name)
    platform = Learners(base, settings, PROGRAM_USER_INFO)
    for user, name in given.items():
        columns = {"program_name": name, "user_type": "old", "organisation_id": "old"}
        platform.world.rows.give(TABLE, {"program_id": "p", "user_id": user}, columns)
    return platform


def _joined(platform: Learners, event: Any) -> None:
    (program, user), name, sections, consent = event
    profile: dict[str, Any] = {}
    if {"state", "no location"} & sections:
        profile["userLocations"] = [{"type": "state", "name": "Kerala"}] if "state" in sections else []
    if "types" in sections:
        profile["profileUserTypes"] = [{"type": "Teacher", "subType": "hm"}]
    if {"organisation", "no organisation"} & sections:
        profile["rootOrg"] = {"id": "o1", "orgName": "Org"} if "organisation" in sections else {}
    document = {
        "programId": program,
        "userId": None if user == NO_USER else user,
        "programName": name,
        "requestForPIIConsent": consent,
        "userProfile": profile,
        "createdAt": "2024-02-29T20:00:09.476Z",
        "updatedAt": None if user == NO_DATE else "2024-03-02T23:30:56.829Z",
    }
    platform.publish_value(json.dumps(document).encode())


PROGRAMS = Stream(
    job=PROGRAM_USER_INFO.name,
    given=st.dictionaries(st.sampled_from(["u", "v"]), st.sampled_from(["Old", "Older"])),
    events=st.lists(documents, min_size=1, max_size=10),
    make=_enrolled_before,
    send=_joined,
    state=Learners.state,
    told=_nothing,
    told_in_any_cut=_nothing,
    told_once=_nothing,
    failed=FAILED,
    repeated=_replayed,
)
