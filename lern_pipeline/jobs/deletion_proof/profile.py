"""The cached profile in Redis, and the account that the user logged in with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lern_pipeline.errors import ServiceUnavailable
from lern_pipeline.jobs.deletion_proof.trace import Trace
from lern_pipeline.jobs.user_deletion_cleanup.cached_profile import DATABASE, SERVER
from lern_pipeline.microbatch.login_accounts import AccountNotRead, LoginAccounts
from lern_pipeline.microbatch.stores import CacheReader
from lern_pipeline.settings import JobSettings

BLANKED = "without names and address, and disabled: it could not be removed (contract user-deletion-cleanup 5)"


def in_cache(users: Sequence[str], caches: CacheReader, settings: JobSettings) -> Iterator[Trace]:
    """The hash of the user cache."""
    database = settings.integer(DATABASE)
    for key in caches.existing(SERVER, database, [f"user:{user}" for user in users]):
        yield Trace(key.removeprefix("user:"), f"redis {SERVER} {database}", "cached profile")


def in_accounts(users: Sequence[str], logins: LoginAccounts) -> Iterator[Trace]:
    """The account at Keycloak.

    Raises:
        ServiceUnavailable: Keycloak cannot tell.
    """
    for user in users:
        found = logins.read(user)
        if isinstance(found, AccountNotRead):
            raise ServiceUnavailable("Keycloak", "sunbird_sso_url", found.reason)
        if found.there:
            yield Trace(user, "keycloak", "account", BLANKED if found.blanked else "")
