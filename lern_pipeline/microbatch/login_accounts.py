"""The accounts that users log in with, as a protocol (contract user-deletion-cleanup 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from lern_pipeline.microbatch.stores import Client
from lern_pipeline.settings import JobSettings

PROVIDER = "sunbird_keycloak_user_federation_provider_id"
PLACEHOLDER = PROVIDER
"""What installations have that were never told their provider."""

CONNECTION = (
    "sunbird_sso_url",
    "sunbird_sso_realm",
    "sunbird_sso_client_id",
    "sunbird_sso_client_secret",
    "sunbird_sso_username",
    "sunbird_sso_password",
)
"""Without one of them there is no connection; user name and password are not used for it, as in the existing job."""


@dataclass(frozen=True, slots=True)
class AccountRemoved:
    """The account can no longer be used. ``how``: it was ``removed``; it was ``gone`` already, which a wrong federation
    provider looks like too; or it could not be removed and was ``blanked``, without names and address, and disabled."""

    how: Literal["removed", "gone", "blanked"]


@dataclass(frozen=True, slots=True)
class AccountNotRemoved:
    """The account may still be there, and later it may work. ``reason`` tells nothing personal and no secret."""

    reason: str


Removal = AccountRemoved | AccountNotRemoved


@dataclass(frozen=True, slots=True)
class Account:
    """``blanked``: disabled, without names and address."""

    there: bool
    blanked: bool = False


@dataclass(frozen=True, slots=True)
class AccountNotRead:
    """Whether there is an account cannot be told. ``reason`` tells nothing personal and no secret."""

    reason: str


class LoginAccounts(Client, Protocol):
    """Who keeps the accounts: Keycloak."""

    def remove(self, user_id: str) -> Removal:
        """Remove a user's account, or else blank it. Whatever goes wrong is an answer, an outage and a refusal too.

        Removing an account once more does no harm.
        """
        ...

    def read(self, user_id: str) -> Account | AccountNotRead:
        """Whether there is an account. Whatever goes wrong is an answer."""
        ...


def removal_not_configured(settings: JobSettings) -> str | None:
    """Why accounts are not removed in this installation, by the settings' names; None where they are (decisions 7)."""
    missing = [name for name in CONNECTION if not (settings.optional_text(name) or "").strip()]
    if (settings.optional_text(PROVIDER) or "").strip() in ("", PLACEHOLDER):
        missing.append(PROVIDER)
    if not missing:
        return None
    return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
