"""What the job reads: profiles of registered users, their frameworks' categories, their hashes (contract 3, 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lern_pipeline.jobs.user_cache_updater.audit_event import UserAudit
from lern_pipeline.jobs.user_cache_updater.profile_fields import InvalidProfile, framework_id
from lern_pipeline.microbatch.job import Event
from lern_pipeline.microbatch.services import Readers
from lern_pipeline.microbatch.stores import WrongType
from lern_pipeline.microbatch.user_directory import AccountBlocked, NoAnswer, ProfileRead
from lern_pipeline.settings import JobSettings

SERVER = "redis-meta"
DATABASE = "redis-meta.database.userstore.id"

# Reads that are not worth threads.
FEW = 64


@dataclass(slots=True)
class UserCacheState:
    """By user id, by framework id, and by key."""

    profiles: dict[str, ProfileRead | AccountBlocked | NoAnswer] = field(default_factory=dict)
    categories: dict[str, tuple[str, ...] | NoAnswer] = field(default_factory=dict)
    hashes: Mapping[str, dict[str, str] | WrongType] = field(default_factory=dict)


def hash_key(user_id: str) -> str:
    """The user's key."""
    return f"user:{user_id}"


def registered_producers(settings: JobSettings) -> frozenset[str]:
    """Producers whose events refresh a profile (D11)."""
    return frozenset(part.strip() for part in settings.text("regd.user.producer.pid").split(",") if part.strip())


def read_state(
    events: Sequence[Event[UserAudit]], readers: Readers, settings: JobSettings, counted: frozenset[str]
) -> UserCacheState:
    """One read per distinct user, framework and hash."""
    producers = registered_producers(settings)
    users = list(dict.fromkeys(event.work.user_id for event in events if event.work.producer in producers))
    state = UserCacheState()
    # A few are read one after the other, each with its framework, as the events have them; many concurrently.
    for some in [[user] for user in users] if len(users) <= FEW else [users]:
        state.profiles |= readers.directory.read_profiles(some)
        frameworks = {_framework_of(state.profiles[user]) for user in some} - state.categories.keys() - {None}
        state.categories |= readers.directory.framework_categories(framework for framework in frameworks if framework)
    keys = [hash_key(event.work.user_id) for event in events]
    state.hashes = readers.caches.hashes(SERVER, settings.integer(DATABASE), keys)
    return state


def _framework_of(answer: ProfileRead | AccountBlocked | NoAnswer) -> str | None:
    if not isinstance(answer, ProfileRead):
        return None
    try:
        return framework_id(answer.profile)
    except InvalidProfile:
        # Deciding meets it again, and fails that user's events.
        return None
