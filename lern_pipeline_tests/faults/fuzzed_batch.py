"""One batch of any records through a whole job on stores in memory: what must hold whatever the records are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lern_pipeline.events.record import Record
from lern_pipeline.microbatch.account_reads import ReadableAccount
from lern_pipeline.microbatch.batch_ownership import MemberFound
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.key import MicroBatchKey
from lern_pipeline.microbatch.plan import (
    Account,
    CacheWrites,
    DeleteKey,
    Plan,
    ReplaceSet,
    RowWrites,
    SetText,
    UpdateHash,
)
from lern_pipeline.microbatch.plan_encoding import decode_plan, encode_plan
from lern_pipeline.microbatch.run import MicroBatchRun
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.microbatch.user_directory import ProfileRead
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.jobs.assessment_aggregator.assessments import QUESTION_FIELDS
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld
from lern_pipeline_tests.microbatch.rows_in_memory import InMemoryRows
from lern_pipeline_tests.microbatch.tally import key_of

#: Longest key that Cassandra takes.
KEY_BYTES = 65_535

HIERARCHIES = "test_hierarchy_store.content_hierarchy"
ENROLMENTS = "sunbird_courses.user_enrolments"
CONSUMPTION = "sunbird_courses.user_content_consumption"
BATCHES = "sunbird_courses.course_batch"
AGGREGATES = "sunbird_courses.user_activity_agg"

#: What jobs need beyond the defaults.
SETTINGS = {
    "LERN_PIPELINE_ENV": "test",
    "LERN_PIPELINE_CERT_DOMAIN_URL": "https://lms.example.org",
    "LERN_PIPELINE_CLOUD_STORAGE_BASE_URL": "https://store.example.net",
    "LERN_PIPELINE_SUNBIRD_SSO_URL": "https://sso.example.org",
    "LERN_PIPELINE_SUNBIRD_SSO_REALM": "sunbird",
    "LERN_PIPELINE_SUNBIRD_SSO_CLIENT_ID": "lms",
    "LERN_PIPELINE_SUNBIRD_SSO_CLIENT_SECRET": "secret",
    "LERN_PIPELINE_SUNBIRD_SSO_USERNAME": "admin",
    "LERN_PIPELINE_SUNBIRD_SSO_PASSWORD": "admin",
    "LERN_PIPELINE_SUNBIRD_KEYCLOAK_USER_FEDERATION_PROVIDER_ID": "provider",
    "LERN_PIPELINE_CONTENT_CLOUD_STORAGE_CONTAINER": "content",
}


class StoreInMemory(BatchStore):
    """Keeps encoded plans: what cannot be encoded, or comes back as something else, is found."""

    def __init__(self) -> None:
        super().__init__("memory", "memory")
        self._plans: list[bytes] = []
        self._conclusions: dict[int, bytes] = {}
        self._applied: set[int] = set()
        self._records: list[Record] | None = None

    def write_records(self, key: str, records: Sequence[Record]) -> int:
        self._records = list(records)
        return 0

    def read_records(self, key: str) -> list[Record] | None:
        return self._records

    def write_plan(self, plan: Plan) -> tuple[Plan, int]:
        data = b"".join(encode_plan(plan))
        again = decode_plan(data)
        assert b"".join(encode_plan(again)) == data
        self._plans.append(data)
        # What a crash would leave to be carried out.
        return again, len(data)

    def newest_plan(self, key: str) -> Plan | None:
        return decode_plan(self._plans[-1]) if self._plans else None

    def write_conclusion(self, plan: Plan) -> None:
        self._conclusions[plan.number] = b"".join(encode_plan(plan))

    def conclusion(self, plan: Plan) -> Plan:
        found = self._conclusions.get(plan.number)
        return plan if found is None else decode_plan(found)

    def mark_applied(self, plan: Plan) -> None:
        self._applied.add(plan.number)

    def is_applied(self, plan: Plan) -> bool:
        return plan.number in self._applied


class TolerantRows(InMemoryRows):
    """Knows the types and layouts that jobs ask for."""

    def partition_key(self, table: str) -> tuple[str, ...]:
        return ("course_id",)

    def primary_key(self, table: str) -> tuple[str, ...]:
        return ("provider", "idtype", "externalid")

    def type_fields(self, keyspace: str, type_name: str) -> tuple[str, ...]:
        return QUESTION_FIELDS

    def column_types(self, table: str) -> dict[str, str]:
        return {"userid": "text", "courseid": "text", "batchid": "text", "status": "int", "active": "boolean"}


def fuzz_settings(job: JobSpec[Any, Any]) -> JobSettings:
    return load_configuration(None, SETTINGS).for_job(job.name)


def run_batch(
    job: JobSpec[Any, Any],
    settings: JobSettings,
    records: Sequence[bytes | None],
    leafnodes: frozenset[str] = frozenset(),
    hierarchies: Mapping[str, str] | None = None,
    statuses: Mapping[str, int | None] | None = None,
) -> Account:
    """Run the batch, and run it again as an operator does; raises if anything does not hold.

    ``leafnodes``: of the course ``do_hostile``, whose enrolment ``hostile-user`` has these content ``statuses``.
    """
    world = InMemoryWorld()
    world.rows = TolerantRows(world.journal, keyspaces=("test_hierarchy_store",))
    for root, text in (hierarchies or {}).items():
        world.rows.give(HIERARCHIES, {"identifier": root}, {"hierarchy": text})
    enrolment = {"userid": "hostile-user", "courseid": "do_hostile", "batchid": "hostile-batch"}
    world.rows.give(ENROLMENTS, enrolment, {"status": None, "active": True})
    world.rows.give("sunbird.cert_registry", {"id": "hostile-old"}, {"isrevoked": False, "reason": None})
    for content, status in (statuses or {}).items():
        world.rows.give(CONSUMPTION, enrolment | {"contentid": content}, {"status": status, "viewcount": None})
    give_templates(world, (hierarchies or {}).get("do_hostile", "{}"))
    give_profiles(world, (hierarchies or {}).get("do_hostile", "{}"))
    give_owners(world, (hierarchies or {}).get("do_hostile", "{}"))
    give_deleted(world, (hierarchies or {}).get("do_hostile", "{}"))
    for server in ("redis", "redis-meta"):
        world.caches.database(server, 10)["do_hostile:do_hostile:leafnodes"] = leafnodes
    for number, value in enumerate(records):
        world.broker.append(value, partition=number % 2)
    store = StoreInMemory()
    run = MicroBatchRun(job, settings, world.services, store, clock=lambda: 1_800_000_000.5)
    account = account_of(run, key_of(world.broker), len(records), attempt=1)
    account_of(run, key_of(world.broker), len(records), attempt=2)
    for writes in world.rows.written:
        check_rows(writes)
    for message in world.broker.published:
        json.loads(message.value)
        assert message.size <= settings.integer("kafka.producer.max-request-size")
    return account


def give_templates(world: InMemoryWorld, text: str) -> None:
    """A certificate that everybody earns, and half of the time others that have any text where JSON is expected: one
    that is broken fails the event."""
    world.contents.names["do_hostile"] = "A course"
    world.users.answers["hostile-user"] = {"firstName": "H", "userLocations": [text, None]}
    world.users.answers["hostile-other"] = {"lastName": text}
    any_text = len(text) % 2 == 1
    url = "CLOUD_BASE_PATH/x.svg"
    texts = ({"criteria": text}, {"criteria": '{"user": {}}', "additionalProps": text}, {"issuer": text})
    templates = [
        {"url": url, "name": "Any", "criteria": '{"enrollment": {"status": 0}}'},
        *({"url": url, "name": "Any", "criteria": '{"assessment": {"score": {">=": 0}}}'} | other for other in texts),
    ][: None if any_text else 1]
    named = {f"do_hostile_t{number}": template for number, template in enumerate(templates)}
    world.rows.give(BATCHES, {"courseid": "do_hostile", "batchid": "hostile-batch"}, {"cert_templates": named})
    scores = {"activity_type": "Course", "activity_id": "do_hostile", "user_id": "hostile-user"}
    world.rows.give(AGGREGATES, scores | {"context_id": "cb:hostile-batch"}, {"aggregates": {"score:do_hostile_c1": 1}})
    if any_text:
        world.caches.database("redis-meta", 5)["do_hostile_c1"] = text
        world.caches.database("redis", 0)["do_hostile"] = text


def give_owners(world: InMemoryWorld, text: str) -> None:
    """Two users who may hand over to each other, and a batch that one of them mentors with somebody of any name."""
    for user in ("hostile-old", "hostile-new"):
        world.ownership.members.answers[user] = MemberFound(user, "hostile-org")
    mentors = {"createdby": "hostile-old", "mentors": [text, "hostile-old"]}
    world.rows.give(BATCHES, {"courseid": "do_hostile", "batchid": "hostile-mentored"}, mentors)
    world.ownership.documents.documents["hostile-mentored"] = {
        "courseId": "do_hostile",
        "createdBy": "hostile-old",
        "status": 1,
    }


def give_deleted(world: InMemoryWorld, text: str) -> None:
    """A user who is still readable, whose row and external id hold any text; Keycloak is down half of the time."""
    world.accounts.answers["hostile-user"] = ReadableAccount("hostile-user", "hostile-org")
    row = {"userid": "hostile-user", "rootorgid": "hostile-org", "email": text, "phone": "", "username": text}
    world.rows.give("sunbird.user", {"id": "hostile-user"}, row)
    identity = {"provider": "hostile-org", "idtype": "hostile-org", "externalid": text or "x"}
    world.rows.give("sunbird.usr_external_identity", identity, {"userid": "hostile-user"})
    if len(text) % 2:
        world.logins.trouble["hostile-user"] = "DELETE: answered 500"


def give_profiles(world: InMemoryWorld, text: str) -> None:
    """A user whose profile can be used, and others with any text where something else is expected."""
    world.directory.profiles["hostile-user"] = ProfileRead(
        {
            "firstName": text,
            "framework": {"id": ["f"], "board": [text]},
            "userLocations": [{"type": text, "name": text}],
        }
    )
    world.directory.profiles["hostile-other"] = ProfileRead({"rootOrg": text})
    world.directory.categories["f"] = ("board", text)


def account_of(run: MicroBatchRun, key: MicroBatchKey, consumed: int, attempt: int) -> Account:
    result = run.execute(key, attempt, rerun=attempt > 1)
    assert result.account.balances
    assert result.account.consumed == consumed
    for writes in result.plan.all_cache_writes():
        check_cache(writes)
    # Dagster shows these: text for people, JSON.
    msgspec.json.encode([result.account, result.warnings, result.plan.metrics])
    return result.account


def check_rows(writes: RowWrites) -> None:
    """Values that Cassandra takes."""
    for row in writes.rows:
        for value in row:
            check_value(value)
        for part in row[: len(writes.key)]:
            assert isinstance(part, str | int) and (not isinstance(part, str) or len(part.encode()) <= KEY_BYTES)


def check_value(value: object) -> None:
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, int):
        assert -(2**63) <= value < 2**63
    elif isinstance(value, dict):
        for name, part in value.items():
            check_value(name)
            check_value(part)
    elif isinstance(value, list | tuple):
        for part in value:
            check_value(part)


def check_cache(writes: CacheWrites) -> None:
    """Commands that Redis takes."""
    for change in (change for transaction in writes.transactions for change in transaction):
        change.key.encode()
        if isinstance(change, ReplaceSet):
            assert change.members
            "".join(change.members).encode()
        elif isinstance(change, SetText):
            change.value.encode()
        elif isinstance(change, UpdateHash):
            assert change.removed or change.fields
            "".join([*change.removed, *change.fields, *change.fields.values()]).encode()
        else:
            assert isinstance(change, DeleteKey)
