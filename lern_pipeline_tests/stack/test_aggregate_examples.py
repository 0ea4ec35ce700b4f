"""The worked examples of activity-aggregate-updater on the real servers, with their metrics."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline_tests.stack.learner_tables import CHECKSUMS, LearnerTables, RealRun, completion
from lern_pipeline_tests.stack.servers import Servers
from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.search import Search

pytestmark = pytest.mark.stack

COURSE, BATCH = "do_9001", "B-501"
ACTIVITIES = (COURSE, "unit_a", "unit_b")
USERS = ("u-ada", "u-new", "u-eve", "u-zed")
R1, R2, R3 = "51E27F11A21630EF162F835A7BBF30A9", "55024DA6236BEC3EAA59A28CE5171E80", "3433410F2503831C0AC5C94B69182B4E"
ZED = "44A0CD8A4D7A140C9C964EA48B9A991D"

RELATIONS = {
    "do_9001:do_9001:leafnodes": ["do_r1", "do_r2", "do_r3"],
    "do_9001:do_9001:optionalnodes": ["do_r3"],
    "do_9001:unit_a:leafnodes": ["do_r1", "do_r3"],
    "do_9001:unit_a:optionalnodes": ["do_r3"],
    "do_9001:unit_b:leafnodes": ["do_r2"],
    "do_9001:do_r1:ancestors": ["unit_a", "do_9001"],
    "do_9001:do_r2:ancestors": ["unit_b", "do_9001"],
    "do_9001:do_r3:ancestors": ["unit_a", "do_9001"],
}


@pytest.fixture(scope="module")
def tables(servers: Servers) -> Iterator[LearnerTables]:
    tables = LearnerTables(servers)
    tables.forget(USERS, (COURSE, "do_9100"))
    tables.relations(RELATIONS)
    with servers.redis(CHECKSUMS) as client:
        client.flushdb()
    yield tables
    tables.close()


@pytest.fixture(scope="module")
def run(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRun]:
    search = Search()
    search.add({"do_9100": {"objectType": "Collection", "status": "Live"}})
    servers.topic("coursebatch.job.request")
    with ThirdParty([search]) as third_party:
        changed = {"service.search.basePath": f"{third_party.address}/search"}
        run = RealRun(servers, tmp_path_factory.mktemp("batches"), changed)
        yield run
        run.services.close()


def lms(tables: LearnerTables, user: str, content: str, status: int) -> None:
    tables.insert(
        "user_content_consumption", userid=user, courseid=COURSE, batchid=BATCH, contentid=content, status=status
    )


@pytest.fixture(scope="module")
def found(servers: Servers, tables: LearnerTables, run: RealRun) -> SimpleNamespace:
    """What each batch of the story left, in the order of the examples."""

    def left(user: str) -> SimpleNamespace:
        with servers.redis(CHECKSUMS) as client:
            checksums = {name: client.ttl(name) for name in client.keys()}  # noqa: SIM118
        return SimpleNamespace(
            consumption=tables.consumption(user),
            aggregates=tables.aggregates(user, ACTIVITIES, BATCH),
            enrolment=tables.enrolment(user),
            checksums=checksums,
            # Without a key they go to any partition: no order among them.
            audits=Counter((e["edata"]["type"], e["object"]["id"]) for e in run.messages("telemetry.raw")),
            certificates=run.messages("issue.certificate.request"),
        )

    tables.insert("user_enrolments", userid="u-ada", courseid=COURSE, batchid=BATCH, status=0, active=True)
    lms(tables, "u-ada", "do_r1", 2)
    lms(tables, "u-ada", "do_r2", 1)
    event = completion("u-ada", COURSE, BATCH, "do_r1")
    event["edata"]["contents"].append({"contentId": "do_r2", "status": 1})
    first = run.batch(event)
    after_first = left("u-ada")
    lms(tables, "u-ada", "do_r2", 2)
    second = run.batch(completion("u-ada", COURSE, BATCH, "do_r1", "do_r2"))
    after_second = left("u-ada")
    lms(tables, "u-ada", "do_r3", 2)
    run.batch(completion("u-ada", COURSE, BATCH, "do_r3"))
    after_third = left("u-ada")
    lms(tables, "u-new", "do_r1", 2)
    last = run.batch(
        completion("u-new", COURSE, BATCH, "do_r1", "do_r1"),
        completion("u-eve", "do_9100", "B-610", "do_x1"),
        completion("u-zed", COURSE, BATCH, "do_r1"),
        b"not JSON",
    )
    return SimpleNamespace(
        first=run.metrics(first),
        after_first=after_first,
        second=run.metrics(second),
        after_second=after_second,
        after_third=after_third,
        last=last,
        new=left("u-new"),
        eve=left("u-eve"),
        zed=left("u-zed"),
        failed=servers.records(f"{servers.env}.activity.agg.failed"),
    )


def test_example_1_rows_and_messages(found: SimpleNamespace) -> None:
    after = found.after_first
    assert after.consumption == {"do_r1": (2, 1, 1), "do_r2": (1, 0, 0)}
    assert after.aggregates == {COURSE: 1.0, "unit_a": 1.0, "unit_b": 0.0}
    assert (after.enrolment["status"], after.enrolment["progress"]) == (1, 1)
    assert dict(after.enrolment["contentstatus"]) == {"do_r1": 2, "do_r2": 1}
    assert after.enrolment["completedon"] is None
    assert after.enrolment["active"] is True
    assert after.audits == Counter([("start", "do_r1"), ("complete", "do_r1")])
    assert after.certificates == []


def test_example_1_checksum(found: SimpleNamespace) -> None:
    (checksum,) = found.after_first.checksums.items()
    assert checksum[0] == R1
    assert 604_000 < checksum[1] <= 604_800


def test_example_1_metrics(found: SimpleNamespace) -> None:
    wanted = {
        "total-events-count": 1,
        "batch-enrolment-update-count": 1,
        "processed-enrolment-count": 1,
        "db-read-count": 2,
        "db-update-count": 3,
        "cache-hit-count": 8,
        "cache-miss-count": 1,
        "skipped-events-count": 0,
        "failed-events-count": 0,
    }
    assert {name: found.first[name] for name in wanted} == wanted


def test_example_2_completion(found: SimpleNamespace) -> None:
    after = found.after_second
    assert after.consumption == {"do_r1": (2, 1, 1), "do_r2": (2, 1, 1)}
    assert after.aggregates == {COURSE: 2.0, "unit_a": 1.0, "unit_b": 1.0}
    assert (after.enrolment["status"], after.enrolment["progress"]) == (2, 2)
    assert after.enrolment["completedon"] == after.enrolment["datetime"] is not None
    assert dict(after.enrolment["contentstatus"]) == {"do_r1": 2, "do_r2": 2}
    assert [event["object"]["id"] for event in after.certificates] == ["B-501_do_9001"]
    added = after.audits - found.after_first.audits
    assert added == Counter([("enrol-complete", "u-ada"), ("start", "do_r2"), ("complete", "do_r2")])
    assert set(after.checksums) == {R1, R2}
    assert found.second["enrolment-complete-count"] == found.second["cert-issue-events-count"] == 1


def test_example_3_an_enrolment_that_is_completed_stays_as_it_is(found: SimpleNamespace) -> None:
    after = found.after_third
    assert after.consumption["do_r3"] == (2, 1, 1)
    assert after.aggregates == {COURSE: 2.0, "unit_a": 1.0, "unit_b": 1.0}
    assert after.enrolment == found.after_second.enrolment
    assert len(after.certificates) == 1
    assert after.audits - found.after_second.audits == Counter([("start", "do_r3"), ("complete", "do_r3")])
    assert set(after.checksums) == {R1, R2, R3}


def test_example_4_a_content_twice_in_one_event(found: SimpleNamespace) -> None:
    assert found.new.consumption == {"do_r1": (2, 1, 1)}


def test_example_5_missing_leaf_nodes(found: SimpleNamespace) -> None:
    assert found.eve.consumption == {}
    assert found.eve.enrolment is None
    (failed,) = [json.loads(r.value) for r in found.failed if b"u-eve" in r.value]
    assert failed["failInfo"]["error"] == "missing leaf nodes for collection do_9100 (status Live)"
    assert failed["contents"]["do_x1"]["eventsFor"] == ["start", "complete"]


def test_example_6_not_enrolled(found: SimpleNamespace) -> None:
    assert found.zed.consumption == {"do_r1": (None, 1, 1)}
    assert found.zed.aggregates == {COURSE: 1.0, "unit_a": 1.0}
    assert found.zed.enrolment is None
    assert ZED in found.zed.checksums


def test_the_batch_of_all_that_goes_wrong_is_accounted_for(found: SimpleNamespace) -> None:
    account = found.last.account
    assert (account.consumed, account.processed, account.failed_total) == (4, 2, 2)


def test_failed_records_lead_back_to_their_batch(found: SimpleNamespace) -> None:
    (unreadable,) = [record for record in found.failed if b"not JSON" in record.value and b"raw" in record.value]
    headers: dict[str, Any] = dict(unreadable.headers)
    assert headers["batch"] == found.last.plan.key.encode()
    assert headers["partition"] == b"0"
    assert headers["offset"] == b"6"
    assert headers["original"] == b"not JSON"


def test_a_rerun_on_the_real_stores_changes_nothing(
    found: SimpleNamespace, tables: LearnerTables, run: RealRun
) -> None:
    before = (tables.consumption("u-zed"), tables.enrolment("u-ada"), len(run.messages("telemetry.raw")))
    result = run.execute(MicroBatchKey.parse(found.last.plan.key), rerun=True)
    assert result.recomputed
    assert (tables.consumption("u-zed"), tables.enrolment("u-ada"), len(run.messages("telemetry.raw"))) == before
