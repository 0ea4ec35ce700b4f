"""Archive and plans: on a disk and on any other store, whole or not at all, for the owner's eyes only."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
import zstandard

from lern_pipeline.events.record import Record
from lern_pipeline.microbatch import store as store_module
from lern_pipeline.microbatch.plan import Account, Message, Plan
from lern_pipeline.microbatch.store import BatchStore

pytestmark = pytest.mark.rules

KEY = "20270101T000000Z_0.0-2"
RECORDS = [
    Record(0, 0, 1_700_000_000_000, b"u-ada", b'{"a":1}'),
    Record(0, 1, 0, None, None),
    Record(1, 7, 5, b"", b"\xff\x00"),
    Record(1, 8, 5, None, b"{}", earlier_attempts=2),
]


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BatchStore:
    base = str(tmp_path / "batches") if request.param == "disk" else f"memory://{uuid4()}"
    return BatchStore(base, "tally")


@pytest.fixture
def on_disk(tmp_path: Path) -> BatchStore:
    return BatchStore(str(tmp_path), "tally")


def plan(number: int = 1, planned_at_ms: int = 1) -> Plan:
    return Plan("tally", KEY, number, planned_at_ms, Account(), messages=[Message("a", "t", b"v")])


def files(base: Path) -> list[Path]:
    return [path for path in base.rglob("*") if path.is_file()]


def test_archived_records_come_back_byte_for_byte(store: BatchStore) -> None:
    size = store.write_records(KEY, RECORDS)
    assert size > 0
    assert store.read_records(KEY) == RECORDS


def test_an_archive_that_knows_no_earlier_attempts_is_read(on_disk: BatchStore, tmp_path: Path) -> None:
    """As versions have kept it that sent nothing again."""
    on_disk.write_records(KEY, [])
    kept = msgspec.msgpack.encode([[0, 3, 9, None, b"{}"]])
    (tmp_path / "tally" / KEY / store_module.RECORDS).write_bytes(zstandard.ZstdCompressor().compress(kept))
    assert on_disk.read_records(KEY) == [Record(0, 3, 9, None, b"{}", earlier_attempts=0)]


def test_an_empty_batch_has_an_archive_too(store: BatchStore) -> None:
    store.write_records(KEY, [])
    assert store.read_records(KEY) == []


def test_a_batch_that_was_never_seen_has_neither_archive_nor_plan(store: BatchStore) -> None:
    assert store.read_records(KEY) is None
    assert store.newest_plan(KEY) is None
    assert store.keys() == []
    store.delete(KEY)


def test_the_plan_that_is_stored_first_is_the_batchs_plan(store: BatchStore) -> None:
    first, stored = store.write_plan(plan(planned_at_ms=1))
    again, stored_again = store.write_plan(plan(planned_at_ms=2))
    assert first.planned_at_ms == again.planned_at_ms == 1
    assert stored > 0
    assert stored_again == 0
    newest = store.newest_plan(KEY)
    assert newest is not None
    assert newest.planned_at_ms == 1


def test_the_newest_plan_is_the_one_with_the_highest_number(store: BatchStore) -> None:
    for number in (1, 2, 10, 9):
        store.write_plan(plan(number))
    newest = store.newest_plan(KEY)
    assert newest is not None
    assert newest.number == 10


def test_each_plan_is_applied_on_its_own(store: BatchStore) -> None:
    first, _ = store.write_plan(plan(1))
    store.mark_applied(first)
    second, _ = store.write_plan(plan(2))
    assert store.is_applied(first)
    assert not store.is_applied(second)


def test_a_deleted_batch_leaves_nothing_and_takes_no_other_with_it(store: BatchStore) -> None:
    other = "20270101T000003Z_0.2-3"
    for key in (KEY, other):
        store.write_records(key, RECORDS)
    store.mark_applied(store.write_plan(plan())[0])
    assert store.keys() == [KEY, other]
    store.delete(KEY)
    assert store.read_records(KEY) is None
    assert store.newest_plan(KEY) is None
    assert store.keys() == [other]


def test_jobs_do_not_see_each_others_batches(tmp_path: Path) -> None:
    BatchStore(str(tmp_path), "one").write_records(KEY, RECORDS)
    assert BatchStore(str(tmp_path), "other").read_records(KEY) is None


def test_only_the_owner_can_read_what_is_stored(on_disk: BatchStore, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        on_disk.write_records(KEY, RECORDS)
        on_disk.mark_applied(on_disk.write_plan(plan())[0])
    finally:
        os.umask(before)
    assert len(files(tmp_path)) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path)} == {0o600}
    assert stat.S_IMODE((tmp_path / "tally" / KEY).stat().st_mode) == 0o700


def test_a_file_url_keeps_it_to_the_owner_as_well(tmp_path: Path) -> None:
    store = BatchStore(f"file://{tmp_path}", "tally")
    store.write_records(KEY, RECORDS)
    assert store.write_plan(plan(planned_at_ms=1))[0] == store.write_plan(plan(planned_at_ms=2))[0]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(tmp_path)} == {0o600}


@pytest.mark.parametrize("step", ["fsync", "link"])
def test_a_write_that_is_cut_off_leaves_no_plan(
    on_disk: BatchStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def cut_off(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(store_module.os, step, cut_off)
    with pytest.raises(OSError, match="disk full"):
        on_disk.write_plan(plan())
    monkeypatch.undo()
    assert on_disk.newest_plan(KEY) is None
    assert on_disk.write_plan(plan(planned_at_ms=5))[0].planned_at_ms == 5


def test_an_archive_that_is_written_again_is_never_seen_half(
    on_disk: BatchStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk.write_records(KEY, RECORDS)

    def cut_off(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(store_module.os, "fsync", cut_off)
    with pytest.raises(OSError, match="disk full"):
        on_disk.write_records(KEY, RECORDS[:1])
    assert on_disk.read_records(KEY) == RECORDS


def test_archives_are_compressed(on_disk: BatchStore) -> None:
    records = [Record(0, offset, 0, None, b'{"edata":{"action":"batch-enrolment-update"}}') for offset in range(500)]
    assert on_disk.write_records(KEY, records) < sum(record.size for record in records) / 5


def test_a_shredded_batch_has_nothing_left_but_the_reason(store: BatchStore) -> None:
    store.write_records(KEY, RECORDS)
    store.write_plan(plan())
    store.write_conclusion(plan())
    store.mark_applied(plan())
    assert any(b"u-ada" in content for content in store.contents(KEY))
    store.shred(KEY, "it held data of a deleted user")
    assert store.why_shredded(KEY) == "it held data of a deleted user"
    assert list(store.contents(KEY)) == []
    assert store.read_records(KEY) is None
    assert store.newest_plan(KEY) is None
    store.shred(KEY, "once more")
    store.delete(KEY)
    assert store.why_shredded(KEY) is None


def test_a_batch_is_not_shredded_unless_it_was(store: BatchStore) -> None:
    store.write_records(KEY, RECORDS)
    assert store.why_shredded(KEY) is None
    assert len(list(store.contents(KEY))) == 1
