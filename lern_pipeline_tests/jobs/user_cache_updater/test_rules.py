"""Fields, removals and order, beyond the contract's examples."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.events.validation import Skip
from lern_pipeline.jobs.user_cache_updater.audit_event import UserAudit, user_audit
from lern_pipeline.jobs.user_cache_updater.encoding import as_json, plain
from lern_pipeline.jobs.user_cache_updater.profile_fields import InvalidProfile, profile_fields
from lern_pipeline.microbatch.user_directory import AccountBlocked, NoAnswer, ProfileRead
from lern_pipeline_tests.jobs.user_cache_updater.deciding import UserCache, audit

pytestmark = pytest.mark.rules

SIGN_UP = [{"type": "SignupType", "id": "sso"}]


@pytest.mark.parametrize(
    "event",
    [
        {},
        audit("", "Update"),
        audit("u", type=None),
        {**audit("u"), "object": {"id": 17, "type": "User"}},
        {**audit("u"), "edata": {"state": None}},
        {**audit("u"), "edata": {"state": 3}},
        audit("u", cdata={"type": "UserRole", "id": "x"}),
        audit("u", cdata=[{"id": "x"}]),
        audit("u", cdata=[None]),
        audit("u", cdata=[{"type": "UserRole"}]),
    ],
)
def test_what_cannot_be_used_is_skipped(event: dict[str, Any]) -> None:
    assert isinstance(user_audit(event), Skip)


def test_the_last_entry_of_a_type_counts_and_case_does_not() -> None:
    cdata = [{"type": "signuptype", "id": "google"}, {"type": "SIGNUPTYPE", "id": "other"}, {"type": "x"}]
    assert user_audit(audit("u", "uPdAtEd", cdata=cdata)) == UserAudit("u", "userorg-service", "other")


def test_brackets_are_escaped_in_texts_and_json_is_html_safe() -> None:
    assert plain("[a] {b} & <c>") == "\\[a\\] {b} & <c>"
    assert as_json(["<b>'x'=1&2", "कन्नड", 'say "hi"']) == (
        '["\\u003cb\\u003e\\u0027x\\u0027\\u003d1\\u00262","कन्नड","say \\"hi\\""]'
    )


@pytest.mark.parametrize(("status", "text"), [(1, "1"), (1.0, "1"), ("1", "1"), (0, "0"), (None, ""), (1.5, "1.5")])
def test_status_is_a_whole_number(status: object, text: str) -> None:
    assert profile_fields({"status": status}, ())["status"] == text


@pytest.mark.parametrize(
    "profile",
    [
        {"firstName": 7},
        {"status": True},
        {"language": {"en": 1}},
        {"framework": "kar"},
        {"framework": {"id": "kar"}},
        {"rootOrg": "org"},
        {"userLocations": {"type": "state"}},
        {"userLocations": ["state"]},
        {"profileUserTypes": [{"type": 1}]},
    ],
)
def test_members_of_another_type_are_refused(profile: dict[str, Any]) -> None:
    with pytest.raises(InvalidProfile):
        profile_fields(profile, ())


def test_only_removable_and_framework_fields_go() -> None:
    cache = UserCache()
    cache.give("u", {"block": "B", "zone": "Z", "old_framework_x": "1", "framework_y": "", "usertype": "t"})
    cache.world.directory.profiles["u"] = ProfileRead({"firstName": "A"})
    cache.take(audit("u"))
    kept = {name: value for name, value in cache.hash_of("u").items() if value}
    assert kept == {"zone": "Z", "usertype": "t", "firstname": "A"}


def test_without_a_profile_nothing_is_removed() -> None:
    cache = UserCache()
    cache.give("u", {"state": "Goa", "framework_id": "f"})
    cache.world.directory.profiles["u"] = AccountBlocked()
    cache.take(audit("u", cdata=SIGN_UP))
    assert cache.hash_of("u") == {"state": "Goa", "framework_id": "f", "usersignintype": "Validated"}


def test_a_framework_that_cannot_be_read_fails_its_users_alone() -> None:
    cache = UserCache()
    for user, framework in (("u", "f1"), ("v", "f2")):
        cache.world.directory.profiles[user] = ProfileRead({"framework": {"id": [framework], "board": ["B"]}})
    cache.world.directory.categories |= {"f1": NoAnswer("framework-read: answered 502"), "f2": ("board",)}
    decision = cache.take(audit("u"), audit("v"))
    assert [failure.reason for failure in decision.failed.values()] == ["framework-read: answered 502"]
    assert cache.hash_of("u") is None
    assert cache.hash_of("v")["framework_board"] == '["B"]'


def test_each_user_and_framework_is_read_once() -> None:
    cache = UserCache()
    for user in ("u", "v"):
        cache.world.directory.profiles[user] = ProfileRead({"framework": {"id": ["f"]}})
    cache.take(*[audit(user) for user in ("u", "v", "u", "v")])
    assert cache.world.directory.asked == ["u", "f", "v"]


def test_a_key_that_is_no_hash_fails_its_events() -> None:
    cache = UserCache()
    cache.world.caches.database("redis-meta", 12)["user:u"] = "text"
    assert len(cache.take(audit("u", cdata=SIGN_UP)).failed) == 1


audits = st.builds(
    UserAudit,
    st.sampled_from(["u", "v"]),
    st.sampled_from(["userorg-service", "sunbird.app", None]),
    st.sampled_from(["google", "sso", "other", None]),
    st.sampled_from(["teacher", None]),
)
profiles = st.sampled_from(
    [
        ProfileRead({"firstName": "A", "userLocations": [{"type": "state", "name": "Goa"}]}),
        ProfileRead({"framework": {"id": ["f"], "board": ["B"]}, "userLocations": [{"type": "usertype", "name": "x"}]}),
        AccountBlocked(),
        NoAnswer("user-read: RESOURCE_NOT_FOUND"),
    ]
)
stored = st.dictionaries(
    st.sampled_from(["state", "block", "framework_id", "framework_x", "usertype", "zone"]), st.sampled_from(["", "old"])
)


def prepared(read: Any, before: dict[str, str]) -> UserCache:
    cache = UserCache()
    cache.world.directory.profiles |= {"u": read, "v": AccountBlocked()}
    cache.world.directory.categories["f"] = ("board",)
    cache.give("u", before)
    return cache


@given(st.lists(audits, max_size=6), profiles, stored)
def test_a_batch_ends_as_its_events_one_by_one(works: list[UserAudit], read: Any, before: dict[str, str]) -> None:
    together, apart = prepared(read, before), prepared(read, before)
    together.take_works(works)
    for work in works:
        apart.take_works([work])
    assert together.world.caches.databases == apart.world.caches.databases


@given(st.lists(audits, max_size=6), profiles, stored)
def test_a_replay_changes_nothing(works: list[UserAudit], read: Any, before: dict[str, str]) -> None:
    once, twice = prepared(read, before), prepared(read, before)
    once.take_works(works)
    twice.take_works(works)
    twice.take_works(works)
    assert once.hash_of("u") == twice.hash_of("u")
