"""What is kept of micro-batches: what is shredded, what stays and why."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from lern_pipeline.events.record import Record
from lern_pipeline.jobs.deletion_proof.archives import UNDER_WAY, Archive, in_archives
from lern_pipeline.jobs.deletion_proof.shredding import shred
from lern_pipeline.jobs.deletion_proof.trace import Trace
from lern_pipeline.microbatch.plan import Account, Message, Plan
from lern_pipeline.microbatch.store import BatchStore

pytestmark = pytest.mark.rules

HELD = "20270101T000000Z_0.0-1"
DONE = "20270101T000100Z_0.1-2"
OTHER = "20270101T000200Z_0.2-3"
OPEN = "20270101T000300Z_0.3-4"
TODAY = date(2027, 2, 3)


def keep(store: BatchStore, key: str, user: str, done: bool = True) -> None:
    """A batch whose event names the user, and so does its plan."""
    store.write_records(key, [Record(0, 0, 0, None, f'{{"edata":{{"userId":"{user}"}}}}'.encode())])
    plan = Plan("told", key, 1, 1, Account(), messages=[Message("a", "t", user.encode())])
    store.write_plan(plan)
    if done:
        store.mark_applied(plan)


@pytest.fixture
def store(tmp_path: Path) -> BatchStore:
    store = BatchStore(str(tmp_path), "told")
    keep(store, HELD, "u-ada")
    keep(store, DONE, "u-ada")
    keep(store, OTHER, "u-eve")
    keep(store, OPEN, "u-ada", done=False)
    return store


def archive(store: BatchStore, personal: bool = True) -> Archive:
    return Archive("told", store, personal, retention_days=30, held=frozenset({HELD}))


def test_what_is_done_and_names_a_deleted_user_is_shredded(store: BatchStore) -> None:
    said = list(shred(["u-ada", "u-zed"], [archive(store)], TODAY))
    assert said == [("told", DONE, "shredded on 2027-02-03, since it held data of a user who was deleted")]
    assert store.read_records(DONE) is None
    assert store.why_shredded(DONE) == said[0][2]
    assert [store.why_shredded(key) for key in (HELD, OTHER, OPEN)] == [None] * 3
    assert list(shred(["u-ada"], [archive(store)], TODAY)) == []


def test_what_holds_ids_alone_stays(store: BatchStore) -> None:
    assert list(shred(["u-ada"], [archive(store, personal=False)], TODAY)) == []
    assert store.read_records(DONE) is not None
    (trace,) = in_archives(["u-ada"], [archive(store, personal=False)])
    assert (trace.what, trace.may_stay) == ("3 micro-batches", "the id without name or address; kept for 30 days")


def test_what_is_left_is_told(store: BatchStore) -> None:
    before = set(in_archives(["u-ada"], [archive(store)]))
    assert before == {
        Trace("u-ada", "archive of told", "1 micro-batch", ""),
        Trace("u-ada", "archive of told", "2 micro-batches", UNDER_WAY),
    }
    list(shred(["u-ada"], [archive(store)], TODAY))
    (after,) = in_archives(["u-ada"], [archive(store)])
    assert after.may_stay == UNDER_WAY
    assert not list(in_archives(["u-zed"], [archive(store)]))


def test_a_shredding_that_was_broken_off_is_ended(store: BatchStore, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda path, missing_ok=False: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            store.shred(DONE, "why")
    assert store.read_records(DONE) is not None
    assert [key for _, key, _ in shred(["u-ada"], [archive(store)], TODAY)] == [DONE]
    assert store.read_records(DONE) is None
