"""The users of the contract's worked examples (section 12), and indexing on stores in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from lern_pipeline.jobs.user_cache_indexer.anonymous import AnonymousUser
from lern_pipeline.jobs.user_cache_indexer.buckets import Bucket, all_buckets
from lern_pipeline.jobs.user_cache_indexer.indexer import Indexer, Mode, Request
from lern_pipeline.jobs.user_cache_indexer.kept import KeptBuckets
from lern_pipeline.jobs.user_cache_indexer.selection import Selection
from lern_pipeline.jobs.user_cache_indexer.tally import Tally
from lern_pipeline.microbatch.services import Services
from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld

BUCKETS = all_buckets(4)


def settings(**changed: str) -> JobSettings:
    """One bucket at a time, unless a test says otherwise: then it is known what comes after what."""
    values = {"user_index_buckets_at_a_time": "1"} | changed
    environment = {f"LERN_PIPELINE_{name.upper()}": value for name, value in values.items()}
    return load_configuration(None, environment).for_job("user-cache-indexer")


U1: dict[str, Any] = {
    "userid": "u1",
    "firstname": "Ravi",
    "email": "E1==",
    "rootorgid": "org-cust",
    "status": 1,
    "framework": {"id": ["kar"], "board": ["State"], "medium": ["Kannada", "English"]},
    "profilelocation": json.dumps(
        [
            {"type": "state", "id": "L1"},
            {"type": "district", "id": "L2"},
            {"type": "block", "id": "L3"},
            {"type": "school", "id": "x"},
        ]
    ),
    "profileusertypes": '[{"type":"teacher","subType":"hm"},{"type":"teacher"}]',
}
U1_HASH = {
    "firstname": "Ravi",
    "email": "E1==",
    "rootorgid": "org-cust",
    "status": "1",
    "framework_id": "kar",
    "framework_board": '["State"]',
    "framework_medium": '["Kannada","English"]',
    "usersignintype": "Self-Signed-In",
    "orgname": "Custodian",
    "state": "Karnataka",
    "district": "Mysuru",
    "usertype": "teacher",
    "usersubtype": "hm",
    "profileusertypes": '[{"type":"teacher","subType":"hm"},{"type":"teacher"}]',
    "schoolname": "GHPS \\[Hebbal\\]",
    "schooludisecode": "2922",
}


def give_user(rows: Any, id_: str, organisations: tuple[str, ...] = (), **columns: Any) -> None:
    """A row of `user`, with memberships."""
    rows.give("sunbird.user", {"id": id_}, {"userid": id_} | columns)
    for organisation in organisations:
        give_membership(rows, id_, organisation, False)


def give_membership(rows: Any, userid: str, organisation: str, deleted: bool | None) -> None:
    rows.give("sunbird.user_organisation", {"userid": userid, "organisationid": organisation}, {"isdeleted": deleted})


def give_common_data(world: InMemoryWorld) -> None:
    """The examples' organisations, locations and framework."""
    rows = world.rows
    rows.give("sunbird.system_settings", {"id": "custodianOrgId"}, {"field": "custodianOrgId", "value": "org-cust"})
    for id_, name, kind, external in (
        ("org-cust", "Custodian", 5, None),
        ("org-kar", "Kar Dept", 5, None),
        ("org-s1", "GHPS [Hebbal]", 2, "2922"),
    ):
        columns = {"orgname": name, "organisationtype": kind, "externalid": external}
        rows.give("sunbird.organisation", {"id": id_}, columns)
    for id_, kind, name in (("L1", "state", "Karnataka"), ("L2", "district", "Mysuru"), ("L3", "Block", "Nanjangud")):
        rows.give("sunbird.location", {"id": id_}, {"name": name, "type": kind})
    world.directory.categories["kar"] = ("board", "medium", "gradeLevel", "subject")


@dataclass
class Indexing:
    """An installation in memory. ``store``: what is kept between attempts."""

    store: Path
    world: InMemoryWorld = field(default_factory=InMemoryWorld)
    settings: JobSettings = field(default_factory=settings)
    backed_up: list[AnonymousUser] = field(default_factory=list)
    indexer: Indexer = field(init=False)

    def __post_init__(self) -> None:
        give_common_data(self.world)

    @property
    def services(self) -> Services:
        return self.world.services

    def user(self, id_: str, organisations: tuple[str, ...] = (), **columns: Any) -> None:
        give_user(self.world.rows, id_, organisations, **columns)

    def hashes(self, database: int = 12) -> dict[str, Any]:
        return self.world.caches.database("redis-meta", database)

    def give_hash(self, userid: str, fields: Mapping[str, str], database: int = 12) -> None:
        self.hashes(database)[f"user:{userid}"] = dict(fields)

    def hash_of(self, userid: str) -> Any:
        return self.hashes().get(f"user:{userid}")

    def run(
        self,
        mode: Mode = "update",
        specific_user_id: str | None = None,
        from_specific_date: str | None = None,
        zone: str = "UTC",
        attempts_of: str = "run-1",
        buckets: list[Bucket] = BUCKETS,
    ) -> Tally:
        """One run; the sum of its buckets' tallies."""
        day = None if from_specific_date is None else date.fromisoformat(from_specific_date)
        selection = Selection(specific_user_id, day, ZoneInfo(zone))
        kept = KeptBuckets(BatchStore(str(self.store), "user-cache-indexer"))
        self.indexer = Indexer(self.settings, self.services, kept, self.backed_up.extend)
        return total(self.indexer.execute(buckets, Request(attempts_of, selection, mode)).values())


def total(tallies: Any) -> Tally:
    """All counts added up; times left out."""
    whole = Tally()
    for tally in tallies:
        for name in Tally.__struct_fields__:
            value = getattr(tally, name)
            if isinstance(value, int):
                setattr(whole, name, getattr(whole, name) + value)
        for column, count in tally.unusable.items():
            whole.unusable[column] = whole.unusable.get(column, 0) + count
    return whole
