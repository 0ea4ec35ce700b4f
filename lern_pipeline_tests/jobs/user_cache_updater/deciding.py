"""Events through the pure rules, against a Redis in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lern_pipeline.events.deterministic_ids import IdMaker
from lern_pipeline.events.record import Record
from lern_pipeline.events.validation import Skip
from lern_pipeline.jobs.user_cache_updater.audit_event import UserAudit, user_audit
from lern_pipeline.jobs.user_cache_updater.rules import decide
from lern_pipeline.jobs.user_cache_updater.state import read_state
from lern_pipeline.microbatch.job import Decision, Event, Moment
from lern_pipeline.settings import load_configuration
from lern_pipeline_tests.microbatch.in_memory import InMemoryWorld

SETTINGS = load_configuration(None, {"LERN_PIPELINE_REGD_USER_PRODUCER_PID": "userorg-service"}).for_job(
    "user-cache-updater"
)
MOMENT = Moment(1, 1000, IdMaker("user-cache-updater", "t"))


def audit(user: str, state: str = "Update", pid: str = "userorg-service", cdata: Any = None, **about: Any) -> Any:
    return {
        "eid": "AUDIT",
        "mid": "m1",
        "context": {"pdata": {"pid": pid}} | ({} if cdata is None else {"cdata": cdata}),
        "object": {"id": user, "type": "User"} | about,
        "edata": {"state": state},
    }


@dataclass
class UserCache:
    """The hashes before and after, and the services."""

    world: InMemoryWorld = field(default_factory=InMemoryWorld)

    def give(self, user: str, fields: Mapping[str, str]) -> None:
        self.world.caches.database("redis-meta", 12)[f"user:{user}"] = dict(fields)

    def hash_of(self, user: str) -> Any:
        return self.world.caches.database("redis-meta", 12).get(f"user:{user}")

    def take(self, *events: Any) -> Decision:
        """All events in one batch, applied."""
        return self.take_works([user_audit(event) for event in events])

    def take_works(self, works: Sequence[UserAudit | Skip]) -> Decision:
        valid = [
            Event(Record(0, offset, 0, None, None), work)
            for offset, work in enumerate(works)
            if isinstance(work, UserAudit)
        ]
        state = read_state(valid, self.world.services.readers, SETTINGS, frozenset())
        decision = decide(valid, state, SETTINGS, MOMENT)
        for writes in decision.cache:
            self.world.caches.apply(writes)
        return decision
