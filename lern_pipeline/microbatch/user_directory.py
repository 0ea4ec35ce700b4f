"""What user-cache-updater asks of the user and framework services, as a protocol (contract user-cache-updater 3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ProfileRead:
    """The user's profile; members whose value is null are left out, on every level."""

    profile: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AccountBlocked:
    """The account is blocked or deleted: there is no profile, and that is no fault."""


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The answer cannot be used, after the retries; ``reason`` holds nothing of the user."""

    reason: str


class UserDirectory(Protocol):
    """The private user read and the framework read."""

    def read_profiles(self, user_ids: Iterable[str]) -> dict[str, ProfileRead | AccountBlocked | NoAnswer]:
        """Each distinct user is asked for once.

        Raises:
            ServiceUnavailable: the service cannot be reached at all.
            ConfigurationError: 401 or 403, or an address that cannot be used.
        """
        ...

    def framework_categories(self, framework_ids: Iterable[str]) -> dict[str, tuple[str, ...] | NoAnswer]:
        """Codes of each distinct framework's categories, in its order; empty where the service knows no framework.

        Raises:
            ServiceUnavailable, ConfigurationError: as :meth:`read_profiles`.
        """
        ...

    def close(self) -> None:
        """Close what was opened; the next use connects again."""
        ...
