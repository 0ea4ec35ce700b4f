"""Ten thousand hostile records among good ones: every one accounted for, the good ones' state as without them."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from lern_pipeline.events.decoding import UnreadableRecord
from lern_pipeline.events.validation import InvalidEvent, Skip
from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline_tests.faults.hostile_records import KINDS, PERSONAL, hostile_records

pytestmark = pytest.mark.faults

RECORDS = int(os.environ.get("LERN_PIPELINE_TEST_HOSTILE", "10000"))
GOOD = 120

EVENTS: dict[str, dict[str, Any]] = {
    "activity-aggregate-updater": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "actor": {"id": "Course Batch Updater", "type": "System"},
        "edata": {
            "action": "batch-enrolment-update",
            "iteration": 1,
            "userId": "hostile-user",
            "batchId": "hostile-batch",
            "courseId": "do_hostile",
            "contents": [{"contentId": "do_hostile_c1", "status": 2}, {"contentId": "do_hostile_c2", "status": 1}],
        },
    },
    "assessment-aggregator": {
        "assessmentTs": 1700000000123,
        "batchId": "hostile-batch",
        "courseId": "do_hostile",
        "userId": "hostile-user",
        "attemptId": "hostile-attempt",
        "contentId": "do_hostile_c1",
        "mid": "LP.1700000000123.hostile",
        # Not the job's, but what many kinds change.
        "edata": {"action": "assess"},
        "events": [
            {
                "eid": "ASSESS",
                "ets": 1700000000100,
                "edata": {
                    "item": {
                        "id": "q1",
                        "maxscore": 1,
                        "type": "mcq",
                        "title": "Question",
                        "desc": "",
                        "params": [{"1": "{}"}, {"answer": {"correct": ["1"]}}],
                    },
                    "score": 0.5,
                    "resvalues": [{"1": {"text": "A", "n": 4}}],
                    "duration": 2,
                },
            }
        ],
    },
    "collection-certificate-generator": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "object": {"id": "hostile-user", "type": "GenerateCertificate"},
        "edata": {
            "action": "issue-certificate",
            "oldId": "",
            "userId": "hostile-user",
            "issuedDate": "2024-03-05",
            "data": [{"recipientName": "A Learner", "recipientId": "hostile-user"}],
            "criteria": {"narrative": "Merit"},
            "svgTemplate": "https://cdn.example.org/merit.svg",
            "templateId": "do_hostile_t1",
            "issuer": {"name": "Board", "url": "https://board.example.org"},
            "signatoryList": [{"id": "D", "name": "N", "designation": "Dir", "image": "https://i.example.org/x.png"}],
            "courseName": "Safety",
            "basePath": "https://lms.example.org/certs",
            "related": {"batchId": "hostile-batch", "courseId": "do_hostile", "type": "Merit"},
            "name": "Merit",
            "tag": "hostilebatch",
        },
    },
    "legacy-certificate-migrator": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "object": {"id": "hostile-user", "type": "MigrateCertificate"},
        "edata": {
            "action": "issue-certificate",
            "identifier": "hostile-old",
            "oldId": "hostile-old",
            "userId": "hostile-user",
            "issuedDate": "2024-03-05",
            "data": [{"recipientName": "A Learner", "recipientId": "hostile-user"}],
            "criteria": {"narrative": "Merit"},
            "svgTemplate": "https://cdn.example.org/merit.svg",
            "templateId": "do_hostile_t1",
            "issuer": {"name": "Board", "url": "https://board.example.org"},
            "signatoryList": [{"id": "D", "name": "N", "designation": "Dir", "image": "https://i.example.org/x.png"}],
            "courseName": "Safety",
            "basePath": "https://lms.example.org/certs",
            "related": {"batchId": "hostile-batch", "courseId": "do_hostile", "type": "Merit"},
            "name": "Merit",
            "tag": "hostilebatch",
        },
    },
    "collection-cert-pre-processor": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "mid": "LP.1700000000000.hostile",
        "edata": {
            "action": "issue-certificate",
            "iteration": 1,
            "trigger": "auto-issue",
            "userIds": ["hostile-user", "hostile-other"],
            "batchId": "hostile-batch",
            "courseId": "do_hostile",
            "reIssue": True,
        },
    },
    "enrolment-reconciliation": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "edata": {
            "action": "user-enrolment-sync",
            "iteration": 1,
            "userId": "hostile-user",
            "batchId": "hostile-batch",
            "courseId": "do_hostile",
        },
    },
    "merge-user-courses": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "actor": {"id": "Merge User Courses", "type": "System"},
        "object": {"id": "hostile", "type": "MergeUserCoursesAndCert"},
        "edata": {
            "action": "merge-user-courses-and-cert",
            "iteration": 1,
            "fromAccountId": "hostile-old",
            "toAccountId": "hostile-new",
        },
    },
    "ml-transfer-ownership": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "mid": "LP.1.hostile",
        "edata": {
            "action": "ownership-transfer",
            "organisationId": "hostile-org",
            "actionBy": {"userId": "hostile-admin", "userName": "admin"},
            "fromUserProfile": {"userId": "hostile-old", "userName": "old", "roles": ["PROGRAM_MANAGER"]},
            "toUserProfile": {
                "userId": "hostile-new",
                "userName": "new",
                "firstName": "Nila",
                "roles": ["PROGRAM_MANAGER", "HM"],
            },
            "assetInformation": {"objectType": "program", "identifier": "5f34e44681871d939950bc11"},
            "iteration": 1,
        },
    },
    "ml-user-delete": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "mid": "LP.1.hostile",
        "object": {"id": "hostile-user", "type": "User"},
        "edata": {"organisationId": "hostile-org", "userId": "hostile-user", "action": "delete-user", "iteration": 1},
    },
    "notification-job": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "mid": "NS.1700000000000.hostile",
        "actor": {"id": "BroadCast Topic Notification", "type": "System"},
        "trace": {"X-Request-ID": None, "X-Trace-Enabled": "false"},
        "edata": {
            "action": "broadcast-topic-notification-all",
            "iteration": 1,
            "request": {
                "notification": {
                    "mode": "email",
                    "deliveryType": "message",
                    "config": {"sender": None, "topic": None, "otp": None, "subject": "Hello"},
                    "ids": ["hostile@lern.test"],
                    "template": {"id": None, "data": "<p>Hi</p>", "params": {"a": 1}},
                    "rawData": None,
                }
            },
        },
        "context": {"pdata": {"ver": "1.0", "id": "org.sunbird.platform"}},
        "object": {"id": "hostile", "type": "TopicNotifyAll"},
    },
    "program-user-info": {
        "_id": "65e3",
        "programId": "PRG-7",
        "userId": "hostile-user",
        "programName": "Reading Fluency",
        "programExternalId": "PGM-RF",
        "requestForPIIConsent": True,
        "userProfile": {
            "userLocations": [{"type": "state", "id": "st-1", "name": "Kerala", "code": "32", "parentId": None}],
            "profileUserTypes": [{"type": "administrator", "subType": "hm"}],
            "rootOrg": {"id": "org-5", "orgName": "Kerala Dept"},
        },
        "createdAt": "2024-02-29T20:00:09.476Z",
        "updatedAt": "2024-03-02T23:30:56.829Z",
        # Not the job's, but what many kinds change.
        "edata": {"action": "none"},
    },
    "user-cache-updater": {
        "eid": "AUDIT",
        "mid": "LP.AUDIT.hostile",
        "context": {
            "pdata": {"pid": "learner-service"},
            "cdata": [{"type": "SignupType", "id": "google"}, {"type": "UserRole", "id": "teacher"}],
        },
        "object": {"id": "hostile-user", "type": "User"},
        "edata": {"action": "none", "state": "Update", "props": ["firstName"]},
    },
    "user-deletion-cleanup": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "mid": "LP.1.hostile",
        "object": {"id": "hostile-user", "type": "User"},
        "edata": {
            "organisationId": "hostile-org",
            "userId": "hostile-user",
            "managed_users": ["hostile-other", None],
            "suggested_users": [],
            "action": "delete-user",
            "iteration": 1,
        },
    },
    "user-ownership-transfer": {
        "eid": "BE_JOB_REQUEST",
        "ets": 1700000000000,
        "mid": "LP.1.hostile",
        "actor": {"id": "ownership-transfer", "type": "System"},
        "object": {"id": "hostile-old", "type": "user"},
        "edata": {
            "action": "ownership-transfer",
            "organisationId": "hostile-org",
            "context": "User Deletion",
            "actionBy": {"userId": "hostile-admin", "userName": "admin"},
            "fromUserProfile": {"userId": "hostile-old", "userName": "old", "roles": ["COURSE_MENTOR"]},
            "toUserProfile": {"userId": "hostile-new", "userName": "new", "firstName": "Nila", "roles": []},
            "assetInformation": {},
            "iteration": 1,
        },
    },
    "relation-cache-updater": {
        "eid": "BE_JOB_REQUEST",
        "edata": {
            "action": "post-publish-process",
            "identifier": "do_hostile",
            "mimeType": "application/vnd.ekstep.content-collection",
        },
    },
}

#: Jobs to which every readable event is either usable or failed.
NEVER_SKIPPING = frozenset({"assessment-aggregator", "collection-certificate-generator", "legacy-certificate-migrator"})


def test_there_are_at_least_forty_kinds() -> None:
    assert len(KINDS) >= 40


@pytest.mark.parametrize("job", ALL_JOBS, ids=lambda job: job.name)
def test_decoding_and_validating_raises_nothing_but_what_is_declared(job: JobSpec[Any, Any]) -> None:
    outcomes = {"work": 0, "skip": 0, "failed": 0}
    for _, value in hostile_records(EVENTS[job.name], 3000, seed=3):
        try:
            work = job.validate(job.decode(value))
        except (UnreadableRecord, InvalidEvent) as error:
            assert PERSONAL not in str(error)
            outcomes["failed"] += 1
        else:
            outcomes["skip" if isinstance(work, Skip) else "work"] += 1
    assert outcomes["work"] and outcomes["failed"], outcomes
    assert bool(outcomes["skip"]) is (job.name not in NEVER_SKIPPING), outcomes


def test_hostile_records_never_stop_a_batch_and_leave_the_good_ones_alone(world: Any) -> None:
    calm, stormy = world(GOOD, 100_000), world(GOOD, 4_000)
    calm.publish(0, GOOD)
    calm.drained()
    positions = publish_mixed(stormy)
    batches = stormy.drained()
    consumed = sum(batch["consumed"] for batch in batches)
    assert consumed == RECORDS + GOOD + 1
    assert consumed == sum(batch["processed"] + batch["skipped"] + batch["failed"] for batch in batches)
    expected, found = calm.left(), stormy.left()
    # The hostile ids are nobody's of this workload: its own rows and checksums are exactly those of the calm run.
    assert found.stored == expected.stored
    failed = failed_positions(stormy)
    unreadable = {position for position, kind in positions.items() if kind in ("not JSON", "tombstone", "1e400", "NaN")}
    assert unreadable <= failed
    assert_no_personal_data(stormy.directory)


def publish_mixed(world: Any) -> dict[tuple[int, int], str]:
    """Publish hostile and good records in turns. Position → kind of the hostile ones."""
    topic = ACTIVITY_AGGREGATE_UPDATER.input_topic(world.settings)
    producer = KafkaProducer(bootstrap_servers=world.bootstrap, max_request_size=2_000_000, compression_type="snappy")
    futures = []
    good = 0
    event = json.loads(json.dumps(EVENTS["activity-aggregate-updater"]).replace("hostile", f"hostile-{world.token}"))
    for number, (kind, value) in enumerate(hostile_records(event, RECORDS, seed=11)):
        futures.append((kind, producer.send(topic, value=value, key=b"k", partition=number % 2)))
        if number % max(RECORDS // GOOD, 1) == 0 and good < GOOD:
            world.publish_one(producer, good)
            good += 1
    while good < GOOD:
        world.publish_one(producer, good)
        good += 1
    producer.send(topic, value=f"not JSON 0 {world.token}".encode(), partition=0)
    producer.flush()
    return {(sent.get().partition, sent.get().offset): kind for kind, sent in futures}


def failed_positions(world: Any) -> set[tuple[int, int]]:
    """Positions that the failed topic tells of, from the headers."""
    topic = ACTIVITY_AGGREGATE_UPDATER.failed_topic(world.settings)
    consumer = KafkaConsumer(bootstrap_servers=world.bootstrap, enable_auto_commit=False)
    partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    found = set()
    while any(consumer.position(at) < ends[at] for at in partitions):
        for records in consumer.poll(timeout_ms=500).values():
            for record in records:
                headers = dict(record.headers)
                assert headers["batch"] and headers["error"] and headers["attempt"] == b"1"
                found.add((int(headers["partition"]), int(headers["offset"])))
    consumer.close()
    return found


def assert_no_personal_data(directory: Path) -> None:
    """Neither the command's output, nor Dagster's event logs, run tags and compute logs."""
    for file in directory.rglob("*"):
        if not file.is_file() or "lern_pipeline/batches" in str(file):
            continue
        if file.suffix == ".db":
            connection = sqlite3.connect(file)
            dump = "\n".join(connection.iterdump())
            connection.close()
        else:
            dump = file.read_text(errors="replace")
        assert PERSONAL not in dump, f"personal data in {file.relative_to(directory)}"
