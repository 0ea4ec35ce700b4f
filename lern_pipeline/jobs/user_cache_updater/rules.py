"""What the events of a micro-batch make of the users' hashes (contract 4, 5 and 7)."""

from __future__ import annotations

from collections.abc import Sequence

from lern_pipeline.events.record import Position
from lern_pipeline.jobs.user_cache_updater.audit_event import UserAudit
from lern_pipeline.jobs.user_cache_updater.encoding import plain
from lern_pipeline.jobs.user_cache_updater.profile_fields import (
    Fields,
    InvalidProfile,
    framework_id,
    profile_fields,
)
from lern_pipeline.jobs.user_cache_updater.state import (
    DATABASE,
    SERVER,
    UserCacheState,
    hash_key,
    registered_producers,
)
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.microbatch.plan import CacheChange, CacheWrites, UpdateHash
from lern_pipeline.microbatch.stores import WrongType
from lern_pipeline.microbatch.user_directory import AccountBlocked, NoAnswer, ProfileRead
from lern_pipeline.settings import JobSettings

NOTHING_TO_WRITE = "nothing to write"


class _UserHash:
    """One user's hash as the events of the batch change it, one by one."""

    def __init__(self, stored: dict[str, str]) -> None:
        self._stored = stored
        self._now = dict(stored)
        self._touched: set[str] = set()

    def apply(self, fields: Fields, removable: frozenset[str] | None) -> None:
        """``removable``: location fields that go unless they are written; None where no profile was read (D6)."""
        if removable is not None:
            vanished = [
                name
                for name, value in self._now.items()
                if value and name not in fields and (name in removable or "framework_" in name)
            ]
            for name in vanished:
                del self._now[name]
        self._now.update(fields)
        self._touched.update(fields)

    def change(self, key: str) -> UpdateHash | None:
        removed = tuple(sorted(self._stored.keys() - self._now.keys()))
        fields = {name: self._now[name] for name in sorted(self._touched & self._now.keys())}
        return UpdateHash(key, removed, fields) if removed or fields else None


def decide(
    events: Sequence[Event[UserAudit]], state: UserCacheState, settings: JobSettings, moment: Moment
) -> Decision:
    """The end is that of handling the events one by one, written once per user."""
    decision = Decision()
    producers = registered_producers(settings)
    removable = frozenset(settings.texts("user.redis.removeable-fields"))
    users: dict[str, _UserHash] = {}
    for event in events:
        audit = event.work
        stored = state.hashes.get(hash_key(audit.user_id), {})
        if isinstance(stored, WrongType):
            decision.failed[event.position] = Failure("the user's key is no hash")
            continue
        general = general_fields(audit, settings)
        answer = state.profiles.get(audit.user_id) if audit.producer in producers else None
        registered = _registered_fields(answer, state)
        if isinstance(registered, Failure):
            decision.failed[event.position] = registered
            continue
        fields = (registered or {}) | general
        if not fields:
            decision.skipped[event.position] = NOTHING_TO_WRITE
            continue
        user = users.setdefault(audit.user_id, _UserHash(stored))
        user.apply(fields, removable if registered is not None else None)
    changes = [change for user_id, user in users.items() if (change := user.change(hash_key(user_id))) is not None]
    transactions: list[list[CacheChange]] = [[change] for change in changes]
    decision.cache = [CacheWrites(SERVER, settings.integer(DATABASE), transactions)]
    decision.metrics = _metrics(events, decision.skipped.keys() | decision.failed.keys(), state)
    if events and not any(event.work.producer in producers for event in events):
        decision.warnings.append(
            "no event of a registered producer in this batch: if that stays so, check regd.user.producer.pid"
        )
    return decision


def general_fields(audit: UserAudit, settings: JobSettings) -> Fields:
    """Sign-in and login type, of any producer (contract 4.1)."""
    fields: Fields = {}
    if audit.sign_up in settings.texts("user.self.signin.types"):
        fields["usersignintype"] = plain(settings.text("user.self.signin.key"))
    if audit.sign_up in settings.texts("user.validated.types"):
        fields["usersignintype"] = plain(settings.text("user.valid.key"))
    if audit.role is not None:
        fields["userlogintype"] = plain(audit.role)
    return fields


def _registered_fields(
    answer: ProfileRead | AccountBlocked | NoAnswer | None, state: UserCacheState
) -> Fields | Failure | None:
    """The profile's fields; None where there is no profile and that is no fault."""
    if isinstance(answer, NoAnswer):
        return Failure(answer.reason)
    if not isinstance(answer, ProfileRead):
        return None
    try:
        framework = framework_id(answer.profile)
        categories = state.categories.get(framework, ()) if framework is not None else ()
        if isinstance(categories, NoAnswer):
            return Failure(categories.reason)
        return profile_fields(answer.profile, categories)
    except InvalidProfile as error:
        return Failure(f"user-read: {error} is of a wrong type", "INVALID_DATA")


def _metrics(events: Sequence[Event[UserAudit]], left_out: set[Position], state: UserCacheState) -> dict[str, float]:
    read = sum(isinstance(answer, ProfileRead) for answer in state.profiles.values())
    return {
        "user-cache-hit": float(len(events) - len(left_out)),
        "api-read-success-count": float(read),
        "api-read-miss-count": float(len(state.profiles) - read),
    }
