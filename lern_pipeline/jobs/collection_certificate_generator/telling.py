"""Carries out what the learner is told. Nothing here stops a micro-batch: the certificate is there (contract
collection-certificate-generator 12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lern_pipeline.errors import ConfigurationError, ServiceUnavailable
from lern_pipeline.jobs.collection_certificate_generator.notification import PROFILE
from lern_pipeline.microbatch.certificate_services import CallFailed
from lern_pipeline.microbatch.effects import Outcome
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.microbatch.service_readers import UserBlocked, UserProfile, UserReader

USER_READ, NOTIFICATION, FEED_ENTRY = "user read", "notification", "feed entry"

#: Result of a user read: the profile's members, an empty profile, a blocked account.
PROFILE_MEMBERS, EMPTY, BLOCKED = "profile", "empty", "blocked"


class Profiles:
    """Reads one user: never behind the ledger, as the answer is personal."""

    def __init__(self, users: UserReader) -> None:
        self._users = users

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`."""
        user_id = effect.payload["user"]
        try:
            found = self._users.read_users([user_id], PROFILE)[user_id]
        except (ServiceUnavailable, ConfigurationError) as error:
            return Outcome("failed", reason=str(error))
        if isinstance(found, UserBlocked):
            return Outcome("done", {BLOCKED: True})
        if not isinstance(found, UserProfile):
            return Outcome("failed", reason=f"the user service {found.reason}")
        return Outcome("done", {EMPTY: True} if found.is_empty else {PROFILE_MEMBERS: dict(found.members)})

    def look_up(self, effect: Effect) -> Outcome | None:
        """Never needed: the question is asked again."""
        return None


class Sender:
    """Sends a request, at most once. Whether an earlier one arrived, the service cannot tell."""

    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        self._send = send

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`."""
        try:
            self._send(effect.payload)
        except CallFailed as failed:
            return Outcome("failed", reason=str(failed))
        except ConfigurationError as error:
            return Outcome("failed", reason=str(error))
        return Outcome("done")

    def look_up(self, effect: Effect) -> Outcome | None:
        """None: the service keeps nothing that could be asked for."""
        return None
