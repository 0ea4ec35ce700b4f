"""Whatever dies, times out or is asked twice: one certificate, one mail, one feed entry, and none is missing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lern_pipeline.microbatch import effects_run as effects_run_module
from lern_pipeline.microbatch import run as run_module
from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline_tests.jobs.certificates.learners import Platform
from lern_pipeline_tests.microbatch.passed_boundaries import CRASHES
from lern_pipeline_tests.microbatch.test_crash import Crash, CrashingOnce
from lern_pipeline_tests.microbatch.test_effects import CrashingSecond

pytestmark = pytest.mark.rules

USERS = ("u1", "u2", "u3")
LATER = 1_709_800_000.0


def platform_of(base: Path, **settings: str) -> Platform:
    platform = Platform(base, **settings)
    for user in USERS:
        platform.enrol(user, phone="**1")
    return platform


def created(platform: Platform) -> Counter[tuple[str, str]]:
    """Active certificates by recipient and name."""
    active = [one for one in platform.registry.kept.values() if one["status"] == "ACTIVE"]
    return Counter((one["recipient"]["id"], one["certificateLabel"]) for one in active)


def told(platform: Platform) -> Counter[tuple[str, str]]:
    taken = platform.certificates.notifications.taken
    mails = Counter((one["recipientUserIds"][0], one.get("mode", "mail")) for one in taken)
    return mails + Counter((one["userId"], "feed") for one in platform.certificates.feed.taken)


@pytest.mark.parametrize(("boundary", "nth"), CRASHES)
def test_wherever_a_run_dies_there_is_one_certificate_each(
    boundary: str, nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = platform_of(tmp_path, LERN_PIPELINE_EFFECTS_CONCURRENCY="1")
    for user in USERS:
        platform.ask(user)
        platform.ask(user, name="Attendance")
    crashing = CrashingOnce(boundary) if nth == 1 else CrashingSecond(boundary)
    monkeypatch.setattr(run_module, "crash_point", crashing)
    monkeypatch.setattr(effects_run_module, "crash_point", crashing)
    with pytest.raises(Crash):
        platform.run()
    result = platform.run(2, now=LATER)
    assert result.account.processed == 6
    assert created(platform) == {(user, name): 1 for user in USERS for name in ("Merit Certificate", "Attendance")}
    for user in USERS:
        assert [entry["name"] for entry in platform.held(user)] == ["Merit Certificate", "Attendance"]
        assert {entry["identifier"] for entry in platform.held(user)} <= platform.registry.kept.keys()
    mids = Counter(audit["mid"] for audit in {str(audit): audit for audit in platform.audits}.values())
    assert sorted(mids.values()) == [1] * 6
    # What a crash left between sending and answer is not sent again, and shown.
    missing = sum(told_of for told_of in told(platform).values()) - 18
    assert -1 <= missing <= 0
    assert all(number <= 2 for number in told(platform).values())
    unfinished = platform.world.ledger.unfinished(platform.job.name)
    assert len(unfinished) <= 1
    assert missing == 0 or unfinished


@pytest.mark.parametrize("status", [None, 500])
def test_what_was_created_without_an_answer_is_adopted(status: int | None, tmp_path: Path) -> None:
    platform = platform_of(tmp_path, LERN_PIPELINE_HTTP_ATTEMPTS="3")

    def lie() -> None:
        raise CallFailed(status, "read timed out", is_outage=True, certain=False)

    platform.registry.after["u2"] = lie
    for user in USERS:
        platform.ask(user)
    assert platform.run().account.processed == 3
    assert created(platform) == {(user, "Merit Certificate"): 1 for user in USERS}


def test_what_an_index_showed_too_late_is_adopted_when_it_is_asked_for_again(tmp_path: Path) -> None:
    platform = platform_of(tmp_path)

    def lie() -> None:
        raise CallFailed(None, "read timed out", is_outage=True, certain=False)

    platform.registry.after["u1"] = lie
    hidden = platform.registry.certificates
    platform.registry.certificates = lambda search, authorized: []  # type: ignore[method-assign]
    platform.ask("u1")
    assert platform.run().account.failed_total == 1
    platform.registry.certificates = hidden  # type: ignore[method-assign]
    platform.registry.after.clear()
    platform.next_batch()
    platform.ask("u1")
    assert platform.run(now=LATER).account.processed == 1
    assert created(platform) == {("u1", "Merit Certificate"): 1}
    assert len(platform.held("u1")) == 1


def test_a_refused_request_may_be_made_again(tmp_path: Path) -> None:
    platform = platform_of(tmp_path)

    def refused() -> None:
        raise CallFailed(400)

    platform.registry.before["u1"] = refused
    platform.ask("u1")
    assert platform.run().account.failed_total == 1
    platform.registry.before.clear()
    assert platform.run(2, rerun=True).account.processed == 1
    assert created(platform) == {("u1", "Merit Certificate"): 1}


def test_an_answer_without_osid_is_looked_up(tmp_path: Path) -> None:
    platform = platform_of(tmp_path)
    platform.registry.answers_osid = False
    platform.ask("u1")
    assert platform.run().account.processed == 1
    assert platform.held("u1")[0]["identifier"] in platform.registry.kept


def test_a_rerun_issues_and_tells_nothing_twice(tmp_path: Path) -> None:
    platform = platform_of(tmp_path)
    for user in USERS:
        platform.ask(user)
    platform.run()
    before = created(platform), told(platform), list(platform.world.broker.published)
    assert platform.run(2, rerun=True, now=LATER).account.processed == 3
    assert (created(platform), told(platform), list(platform.world.broker.published)) == before


def test_what_an_operator_releases_is_sent_by_a_rerun_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = platform_of(tmp_path, LERN_PIPELINE_EFFECTS_CONCURRENCY="1")
    platform.ask("u1")

    def dies(request: object) -> None:
        raise Crash

    send = platform.certificates.feed.create
    platform.certificates.feed.create = dies  # type: ignore[method-assign]
    with pytest.raises(Crash):
        platform.run()
    platform.certificates.feed.create = send  # type: ignore[method-assign]
    platform.run(2)
    (line,) = platform.world.ledger.unfinished(platform.job.name)
    assert told(platform) == {("u1", "mail"): 1, ("u1", "sms"): 1}
    assert platform.world.ledger.settle(platform.job.name, line.key, send=True)
    platform.run(3, rerun=True)
    assert told(platform) == {("u1", "mail"): 1, ("u1", "sms"): 1, ("u1", "feed"): 1}
    assert created(platform) == {("u1", "Merit Certificate"): 1}


def test_a_lane_that_goes_back_issues_nothing_twice(tmp_path: Path) -> None:
    platform = platform_of(tmp_path)
    platform.ask("u1")
    platform.run()
    platform.ask("u2")
    result = platform.run(now=LATER)
    assert (result.account.processed, result.account.skipped_total) == (1, 1)
    assert created(platform) == {("u1", "Merit Certificate"): 1, ("u2", "Merit Certificate"): 1}


@settings(max_examples=40)
@given(
    requests=st.lists(st.tuples(st.sampled_from(USERS), st.sampled_from(["Merit", "MERIT", "Other"])), max_size=8),
    cuts=st.sets(st.integers(0, 8)),
)
def test_it_does_not_matter_where_batches_are_cut(
    tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[str, str]], cuts: set[int]
) -> None:
    whole, cut = (platform_of(tmp_path_factory.mktemp("cut")) for _ in range(2))
    for number, (user, name) in enumerate(requests):
        if number in cuts and number:
            cut.run()
            cut.next_batch()
        whole.ask(user, name=name)
        cut.ask(user, name=name)
    if requests:
        whole.run()
        cut.run()
    for user in USERS:
        assert [entry["name"] for entry in whole.held(user)] == [entry["name"] for entry in cut.held(user)]
    assert created(whole) == created(cut)
    assert told(whole) == told(cut)
