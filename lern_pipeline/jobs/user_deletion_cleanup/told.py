"""What the operator is told of a micro-batch (contract user-deletion-cleanup 13 U7, U10, decisions 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from lern_pipeline.jobs.user_deletion_cleanup.deletion_event import DeletionRequest
from lern_pipeline.jobs.user_deletion_cleanup.identity import shown_id
from lern_pipeline.jobs.user_deletion_cleanup.state import DeletionState
from lern_pipeline.microbatch.account_reads import BlockedAccount
from lern_pipeline.microbatch.login_accounts import removal_not_configured
from lern_pipeline.settings import JobSettings

MOST_SHOWN = 5


def told(requests: Sequence[DeletionRequest], whole: int, state: DeletionState, settings: JobSettings) -> Iterator[str]:
    """``requests``: those that are carried out; ``whole``: how many of users who are still readable."""
    keys = dict.fromkeys((request.user_id, request.organisation_id) for request in requests)
    yield from _of(
        "no membership in the organisation, and none was made",
        (user_id for user_id, organisation in keys if (user_id, organisation) not in state.memberships),
    )
    yield from _of(
        "managed users without a row, and none was made",
        (user_id for request in requests for user_id in request.managed_users if user_id not in state.rows),
    )
    yield from _of(
        "the user service answered 400 for another reason than a blocked account",
        (request.user_id for request in requests if state.accounts[request.user_id] == BlockedAccount(True)),
    )
    yield from _of("found only by looking through the whole table of users", state.scanned)
    why = removal_not_configured(settings)
    if why is not None and whole:
        yield f"{whole} deletions without Keycloak, which is not configured: {why}"


def _of(what: str, users: Iterable[str]) -> Iterator[str]:
    named = [shown_id(user_id) for user_id in dict.fromkeys(users)]
    if named:
        yield f"{what}: {', '.join(named[:MOST_SHOWN])}{', …' if len(named) > MOST_SHOWN else ''}"
