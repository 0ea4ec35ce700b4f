"""The accounts that users log in with, as a protocol (contract user-deletion-cleanup 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from lern_pipeline.microbatch.stores import Client


@dataclass(frozen=True, slots=True)
class AccountRemoved:
    """The account can no longer be used. ``how``: it was ``removed``; it was ``gone`` already, which a wrong federation
    provider looks like too; or it could not be removed and was ``blanked``, without names and address, and disabled."""

    how: Literal["removed", "gone", "blanked"]


@dataclass(frozen=True, slots=True)
class AccountNotRemoved:
    """The account may still be there, and later it may work. ``reason`` tells nothing personal and no secret."""

    reason: str


@dataclass(frozen=True, slots=True)
class RemovalNotConfigured:
    """Nothing was asked. ``why`` names the settings."""

    why: str


Removal = AccountRemoved | AccountNotRemoved | RemovalNotConfigured


class LoginAccounts(Client, Protocol):
    """Who keeps the accounts: Keycloak."""

    def remove(self, user_id: str) -> Removal:
        """Remove a user's account, or else blank it. Whatever goes wrong is an answer, an outage and a refusal too.

        Removing an account once more does no harm.
        """
        ...
