"""Effects: in order, each once, whatever dies, and what nobody knows is neither repeated nor forgotten."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.microbatch import effects_run as effects_run_module
from lern_pipeline.microbatch import run as run_module
from lern_pipeline.microbatch.effects import Outcome
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.parcels import (
    CLOSED,
    TABLE,
    TOPIC,
    Carrier,
    is_unreachable,
    parcels_run,
    refuses,
    times_out,
)
from lern_pipeline_tests.microbatch.passed_boundaries import CRASHES
from lern_pipeline_tests.microbatch.tally import STARTED, event, key_of
from lern_pipeline_tests.microbatch.test_crash import Crash, CrashingOnce

pytestmark = pytest.mark.rules

USERS = ("ada", "eve", "zed")
LATER = STARTED + 3600


class Shop:
    """A world with three orders, a carrier that can be asked and a post that cannot."""

    def __init__(self, base: Path, look_ups: bool = True) -> None:
        self.world = InMemoryWorld()
        self.base = base
        self.carrier = Carrier(answers_look_ups=look_ups)
        self.post = Carrier(answers_look_ups=False)
        for user in USERS:
            self.world.broker.append(event(user))
        self.key = key_of(self.world.broker)

    def execute(self, attempt: int = 1, rerun: bool = False, now: float = STARTED, **settings: str) -> Any:
        run = parcels_run(self.world, self.base, self.carrier, self.post, now, **settings)
        return run.execute(self.key, attempt, rerun)

    @property
    def numbers(self) -> dict[str, str]:
        return {row["user"]: row["number"] for row in self.world.rows.rows(TABLE)}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_rows_and_messages_follow_from_the_first_effects_and_come_before_the_next(shop: Shop) -> None:
    result = shop.execute()
    journal = [line.split("|")[0] for line in shop.world.journal if not line.startswith("outcome")]
    assert journal == [
        *("read", "archive", "plan 1"),
        *["claim send"] * 3,
        f"rows {TABLE}",
        *[f"publish {TOPIC}"] * 3,
        *["claim mail"] * 3,
        f"rows {CLOSED}",
        *("applied 1", "commit"),
    ]
    assert result.account.processed == 3
    assert result.plan.metrics["mails"] == 3
    assert result.plan.metrics["success-events-count"] == 3
    assert shop.numbers == {user: f"N-{user}" for user in USERS}


def test_what_is_refused_fails_alone(shop: Shop) -> None:
    shop.carrier.behaviour["eve"] = refuses
    result = shop.execute()
    assert (result.account.processed, result.account.failed) == (2, {"no such street": 1})
    assert shop.numbers.keys() == {"ada", "zed"}
    (failed,) = [m for m in shop.world.broker.published if m.topic != TOPIC]
    assert b'"user":"eve"' in failed.value
    assert b"NO_STREET" in failed.value


def test_a_mail_that_is_refused_does_not_undo_the_parcel(shop: Shop) -> None:
    shop.post.behaviour["eve"] = refuses
    result = shop.execute()
    assert result.account.processed == 3
    assert result.plan.metrics["mails"] == 2


def test_in_an_outage_the_others_are_done_and_the_batch_goes_on_later(shop: Shop) -> None:
    shop.carrier.behaviour["ada"] = is_unreachable
    with pytest.raises(ServiceUnavailable):
        shop.execute()
    assert shop.carrier.sent == {"eve": 1, "zed": 1}
    assert not shop.numbers
    shop.carrier.behaviour.clear()
    result = shop.execute(2, now=LATER)
    assert shop.carrier.sent == dict.fromkeys(USERS, 1)
    assert result.account.processed == 3


def test_what_timed_out_is_looked_up_before_it_is_done_again(shop: Shop) -> None:
    def sent_but_not_answered() -> None:
        shop.carrier.sent["ada"] += 1
        times_out()

    shop.carrier.behaviour |= {"ada": sent_but_not_answered, "eve": times_out}
    with pytest.raises(ServiceUnavailable):
        shop.execute()
    shop.carrier.behaviour.clear()
    shop.execute(2)
    assert shop.carrier.sent == dict.fromkeys(USERS, 1)
    assert shop.numbers.keys() == set(USERS)


def test_what_cannot_be_looked_up_is_not_repeated_and_shown_to_the_operator(tmp_path: Path) -> None:
    shop = Shop(tmp_path, look_ups=False)
    shop.carrier.behaviour["ada"] = times_out
    with pytest.raises(ServiceUnavailable):
        shop.execute()
    shop.carrier.behaviour.clear()
    result = shop.execute(2)
    assert shop.carrier.sent == {"eve": 1, "zed": 1}
    assert result.account.skipped == {"sending is unknown": 1}
    assert "unfinished_effects" in result.warnings[0]
    (line,) = shop.world.ledger.unfinished("parcels")
    assert (line.what, line.to_whom, line.batch) == ("a send", "u…", str(shop.key))


def test_what_another_run_ends_meanwhile_is_not_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(tmp_path, look_ups=False)
    shop.carrier.behaviour["ada"] = times_out
    with pytest.raises(ServiceUnavailable):
        shop.execute()
    shop.carrier.behaviour.clear()
    ledger = shop.world.ledger
    entries = ledger.entries

    def ends_after_the_look(job: str, keys: list[str]) -> Any:
        found = {key: msgspec.structs.replace(entry) for key, entry in entries(job, keys).items()}
        if "send|0.0" in found and found["send|0.0"].outcome is None:
            ledger.record_all(job, {"send|0.0": Outcome("done", {"number": "N-ada"})})
        return found

    monkeypatch.setattr(ledger, "entries", ends_after_the_look)
    result = shop.execute(2)
    assert result.account.processed == 3
    assert shop.carrier.sent == {"eve": 1, "zed": 1}
    assert not ledger.unfinished("parcels")
    assert not result.warnings


def test_an_operator_sends_what_was_unknown_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path, look_ups=False)
    shop.carrier.behaviour["ada"] = times_out
    with pytest.raises(ServiceUnavailable):
        shop.execute()
    shop.carrier.behaviour.clear()
    shop.execute(2)
    (line,) = shop.world.ledger.unfinished("parcels")
    assert shop.world.ledger.settle("parcels", line.key, send=True)
    for attempt in (3, 4):
        result = shop.execute(attempt, rerun=True)
        assert result.account.processed == 3
    assert shop.carrier.sent == dict.fromkeys(USERS, 1)
    assert not shop.world.ledger.unfinished("parcels")


def test_what_an_operator_drops_is_never_sent(tmp_path: Path) -> None:
    shop = Shop(tmp_path, look_ups=False)
    shop.carrier.behaviour["ada"] = times_out
    with pytest.raises(ServiceUnavailable):
        shop.execute()
    shop.carrier.behaviour.clear()
    shop.execute(2)
    (line,) = shop.world.ledger.unfinished("parcels")
    assert shop.world.ledger.settle("parcels", line.key, send=False)
    result = shop.execute(3, rerun=True)
    assert result.account.skipped == {"sending is dropped": 1}
    assert shop.carrier.sent == {"eve": 1, "zed": 1}


def test_with_resend_unknown_it_is_done_again(tmp_path: Path) -> None:
    shop = Shop(tmp_path, look_ups=False)
    shop.carrier.behaviour["ada"] = times_out
    with pytest.raises(ServiceUnavailable):
        shop.execute()
    shop.carrier.behaviour.clear()
    result = shop.execute(2, LERN_PIPELINE_EFFECTS_RESEND_UNKNOWN="true")
    assert shop.carrier.sent == dict.fromkeys(USERS, 1)
    assert result.account.processed == 3


def test_a_rerun_does_nothing_twice(shop: Shop) -> None:
    shop.execute()
    published = list(shop.world.broker.published)
    result = shop.execute(2, rerun=True, now=LATER)
    assert result.recomputed
    assert result.account.processed == 3
    assert shop.carrier.sent == shop.post.sent == dict.fromkeys(USERS, 1)
    assert shop.world.broker.published == published


def test_an_outcome_of_an_earlier_batch_says_which(shop: Shop) -> None:
    """The lane went back: another batch of the same records."""
    shop.execute()
    later = MicroBatchKey.of(datetime(2027, 1, 2, tzinfo=UTC), shop.key.ranges)
    run = parcels_run(shop.world, shop.base, shop.carrier, shop.post)
    result = run.execute(later, 1, rerun=False)
    assert result.account.skipped == {f"sent by {shop.key}": 3}
    assert shop.carrier.sent == dict.fromkeys(USERS, 1)


def test_a_settled_outcome_takes_the_firsts_place_once_its_failed_record_is_out(shop: Shop) -> None:
    shop.carrier.behaviour["eve"] = refuses
    shop.execute()
    settled, told = "outcome send|0.1 failed", "publish test.activity.agg.failed"
    assert [line for line in shop.world.journal if line in (settled, told)] == [settled, told, settled]
    outcome = shop.world.ledger.known["parcels", "send|0.1"].outcome
    assert outcome == Outcome("failed", {"told": True}, "no such street")


@pytest.mark.parametrize(("boundary", "nth"), CRASHES)
def test_wherever_a_run_dies_every_parcel_and_mail_is_sent_once(
    boundary: str, nth: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, calm = Shop(tmp_path / "killed"), Shop(tmp_path / "calm")
    crashing = CrashingOnce(boundary) if nth == 1 else CrashingSecond(boundary)
    monkeypatch.setattr(run_module, "crash_point", crashing)
    monkeypatch.setattr(effects_run_module, "crash_point", crashing)
    shop.post.answers_look_ups = True
    with pytest.raises(Crash):
        shop.execute()
    result = shop.execute(2)
    calm.execute()
    assert result.account.processed == 3
    assert shop.numbers == calm.numbers
    assert shop.world.rows.state() == calm.world.rows.state()
    assert shop.carrier.sent == shop.post.sent == dict.fromkeys(USERS, 1)
    copies = Counter(m.id for m in {(m.id, m.value): m for m in shop.world.broker.published}.values())
    assert copies == {m.id: 1 for m in calm.world.broker.published}


class CrashingSecond(CrashingOnce):
    """Ends the run when the boundary is passed for the second time."""

    def __init__(self, boundary: str) -> None:
        super().__init__(boundary)
        self.passed = 0

    def __call__(self, name: str) -> None:
        self.passed += name == self.boundary
        if self.passed == 2:
            super().__call__(name)


def owes() -> Outcome | None:
    return Outcome("owed", reason="the road is closed")


def test_what_is_owed_is_shown_and_done_by_whoever_wants_it_again(shop: Shop) -> None:
    shop.post.behaviour["eve"] = owes
    result = shop.execute()
    assert result.plan.metrics["mails"] == 2
    assert "1 effects did not work and are still owed: see the asset unfinished_effects" in result.warnings
    (line,) = shop.world.ledger.unfinished("parcels")
    assert (line.what, line.batch) == ("a mail", str(shop.key))
    # Still closed: it stays as it is.
    shop.execute(2, rerun=True)
    assert len(shop.world.ledger.unfinished("parcels")) == 1
    shop.post.behaviour.clear()
    shop.post.answers_look_ups = True
    result = shop.execute(3, rerun=True)
    assert shop.post.sent == dict.fromkeys(USERS, 1)
    assert not shop.world.ledger.unfinished("parcels")
    assert not [warning for warning in result.warnings if "owed" in warning]


def test_what_is_owed_is_dropped_when_an_operator_says_so(shop: Shop) -> None:
    shop.post.behaviour["eve"] = owes
    shop.execute()
    (line,) = shop.world.ledger.unfinished("parcels")
    assert shop.world.ledger.settle("parcels", line.key, send=False)
    shop.post.behaviour.clear()
    shop.post.answers_look_ups = True
    shop.execute(2, rerun=True)
    assert shop.post.sent == dict.fromkeys(("ada", "zed"), 1)


def test_what_was_unknown_and_is_found_to_be_done_is_no_longer_shown(tmp_path: Path) -> None:
    shop = Shop(tmp_path, look_ups=False)
    shop.carrier.behaviour["ada"] = times_out
    with pytest.raises(ServiceUnavailable):
        shop.execute()
    shop.carrier.behaviour.clear()
    shop.execute(2)
    assert len(shop.world.ledger.unfinished("parcels")) == 1
    shop.carrier.answers_look_ups = True
    assert shop.execute(3, rerun=True).account.processed == 3
    assert not shop.world.ledger.unfinished("parcels")
