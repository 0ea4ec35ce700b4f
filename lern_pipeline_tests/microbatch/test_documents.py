"""Updates of documents within a batch: their place, crashes between them, and what MongoDB refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.jobs.ml_transfer_ownership.job import ML_TRANSFER_OWNERSHIP
from lern_pipeline.microbatch import run as run_module
from lern_pipeline.microbatch.crash_points import DOCUMENT_BOUNDARIES
from lern_pipeline.microbatch.plan import DocumentUpdates
from lern_pipeline.microbatch.refused_documents import DocumentsRefused
from lern_pipeline.microbatch.stores import Refusal
from lern_pipeline.orchestration.lineage import written_events
from lern_pipeline_tests.jobs.manage_learn.manage_learn import (
    P1,
    R1,
    S1,
    ManageLearn,
    deletion,
    deletions,
    handing_over,
    role,
    transfers,
    user,
)
from lern_pipeline_tests.microbatch.documents_in_memory import InMemoryDocuments
from lern_pipeline_tests.microbatch.test_crash import Crash, CrashingOnce

pytestmark = pytest.mark.rules


def everything_moves(directory: Path) -> ManageLearn:
    there = transfers(str(directory))
    there.give("solutions", {"_id": S1, "author": "u-old", "creator": "Old", "license": None})
    there.give("programs", {"_id": P1, "owner": "u-old"})
    there.give("userExtension", user("u-old", role(R1, "PM", P1)))
    there.publish_edata(handing_over())
    there.publish_value(b"{")
    return there


@pytest.mark.parametrize(
    "boundary", ["after-plan", "after-cache", *DOCUMENT_BOUNDARIES, "before-publish", "after-last"]
)
def test_a_run_that_dies_there_ends_as_if_it_had_not(
    boundary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, disturbed = everything_moves(tmp_path / "calm"), everything_moves(tmp_path / "disturbed")
    calm.run()
    crashing = CrashingOnce(boundary)
    monkeypatch.setattr(run_module, "crash_point", crashing)
    with pytest.raises(Crash):
        disturbed.run()
    result = disturbed.execute(disturbed.keys[0])
    assert crashing.crashed
    assert result.from_stored_plan
    assert disturbed.state() == calm.state()
    assert len({message.id for message in disturbed.world.broker.published}) == 1


def test_documents_are_updated_before_anything_is_published(tmp_path: Path) -> None:
    there = everything_moves(tmp_path)
    there.run()
    steps = [step for step in there.world.journal if step.startswith(("documents", "publish"))]
    assert steps[:3] == ["documents solutions", "documents programs", "documents userExtension"]
    assert len(steps) > 3


class Down(InMemoryDocuments):
    """A MongoDB that goes down after the first collection."""

    def apply(self, updates: DocumentUpdates) -> list[Refusal]:
        if updates.collection != "solutions":
            raise ServiceUnavailable("MongoDB", "mongo:27017", "no server answers")
        return super().apply(updates)


def test_an_outage_fails_the_batch_and_the_next_attempt_carries_out_the_same_plan(tmp_path: Path) -> None:
    calm, there = everything_moves(tmp_path / "calm"), everything_moves(tmp_path / "there")
    calm.run()
    up = there.world.documents
    there.world.documents = Down()
    there.world.documents.collections = up.collections
    with pytest.raises(ServiceUnavailable):
        there.run()
    assert there.world.broker.published == []
    there.world.documents = up
    assert there.execute(there.keys[0]).from_stored_plan
    assert there.state() == calm.state()


class Refusing(InMemoryDocuments):
    """A MongoDB that makes no update of one collection's."""

    def __init__(self, collection: str, value: object) -> None:
        super().__init__()
        self.refused = Refusal(collection, value, "error code 121")

    def apply(self, updates: DocumentUpdates) -> list[Refusal]:
        return [self.refused] if updates.collection == self.refused.collection else super().apply(updates)


def test_a_refusal_that_is_no_events_own_fails_the_batch_with_the_rest_done(tmp_path: Path) -> None:
    there = everything_moves(tmp_path)
    given = there.world.documents.collections
    there.world.documents = Refusing("programs", P1)
    there.world.documents.collections = given
    with pytest.raises(DocumentsRefused, match="MongoDB refuses an update in programs: error code 121"):
        there.run()
    assert there.documents("solutions")[0]["author"] == "u-new"
    assert there.world.broker.published == []


def test_an_event_that_failed_so_goes_to_the_failed_topic_as_it_was(tmp_path: Path) -> None:
    there = deletions(str(tmp_path))
    there.world.documents = Refusing("projects", "u-1")
    there.publish_edata(deletion("u-1"))
    there.run()
    (message,) = there.world.broker.published
    assert json.loads(message.value)["edata"]["userId"] == "u-1"


def test_each_collection_tells_how_many_documents_changed(tmp_path: Path) -> None:
    there = everything_moves(tmp_path)
    result = there.run()
    result.counts.update({"mongo.solutions.modified": 3, "mongo.programs.modified": 0})
    events = written_events(ML_TRANSFER_OWNERSHIP, there.settings, result)
    told = {event.asset_key.to_user_string(): event.metadata for event in events}
    assert told["mongo/solutions"]["documents"].value == 3
    assert "mongo/programs" not in told
