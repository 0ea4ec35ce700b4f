"""What the user service says of a user who is to be deleted, as a protocol (contract user-deletion-cleanup 3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from lern_pipeline.microbatch.stores import Client


@dataclass(frozen=True, slots=True)
class ReadableAccount:
    """The service still gives the profile; None where a member is missing, null or no text."""

    identifier: str | None
    root_org_id: str | None


@dataclass(frozen=True, slots=True)
class BlockedAccount:
    """The service has deleted or blocked the user. ``other_error``: it answered so, and gave another reason (U10)."""

    other_error: bool = False


@dataclass(frozen=True, slots=True)
class NoAccount:
    """The service knows no such user."""


@dataclass(frozen=True, slots=True)
class AccountNotRead:
    """The read came to nothing, after the retries; ``reason`` tells of no one."""

    reason: str


AccountRead = ReadableAccount | BlockedAccount | NoAccount | AccountNotRead


class AccountReader(Client, Protocol):
    """The private user read."""

    def read_accounts(self, user_ids: Iterable[str]) -> dict[str, AccountRead]:
        """Each distinct user is asked for once; one user's trouble is that user's answer (10.4).

        Raises:
            ServiceUnavailable: no connection can be made to the service: then it is nobody's own trouble.
            ConfigurationError: 401 or 403, or an address that cannot be used.
        """
        ...
