"""Keycloak's accounts in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal

from lern_pipeline.microbatch.login_accounts import Account, AccountNotRead, AccountNotRemoved, AccountRemoved, Removal
from lern_pipeline_tests.microbatch.journal import Journal


class InMemoryLogins:
    """Keycloak's accounts by user. ``trouble``: why a user's account cannot be removed."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.accounts: set[str] = set()
        self.trouble: dict[str, str] = {}
        self.before: Callable[[str], None] = lambda user_id: None
        self._lock = threading.Lock()

    def remove(self, user_id: str) -> Removal:
        self.before(user_id)
        with self._lock:
            self.journal.append(f"remove account {user_id}")
            if user_id in self.trouble:
                return AccountNotRemoved(self.trouble[user_id])
            how: Literal["removed", "gone"] = "removed" if user_id in self.accounts else "gone"
            self.accounts.discard(user_id)
        return AccountRemoved(how)

    def read(self, user_id: str) -> Account | AccountNotRead:
        if user_id in self.trouble:
            return AccountNotRead(self.trouble[user_id])
        return Account(there=user_id in self.accounts)

    def close(self) -> None:
        """Nothing was opened."""
