"""Who carries out the steps that are no plain writes (contract user-deletion-cleanup 5, 6, 8, 9)."""

from __future__ import annotations

from lern_pipeline.conversion import converted
from lern_pipeline.jobs.user_deletion_cleanup.row_deletion import RowDeletion
from lern_pipeline.microbatch.effects import NOT_THERE, Outcome, Performers
from lern_pipeline.microbatch.login_accounts import AccountRemoved, LoginAccounts
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.microbatch.services import Services
from lern_pipeline.microbatch.stores import RowStore
from lern_pipeline.settings import JobSettings

REMOVE_ACCOUNT, DELETE_ROWS, TELL = "remove account", "delete rows", "tell once"


def performers(services: Services, settings: JobSettings) -> Performers:
    """By kind of effect."""
    return {
        REMOVE_ACCOUNT: AccountRemoval(services.logins),
        DELETE_ROWS: RowDeletions(services.rows),
        TELL: Telling(),
    }


class AccountRemoval:
    """The user's account at Keycloak. One that could not be removed stays owed."""

    def __init__(self, logins: LoginAccounts) -> None:
        self._logins = logins

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`."""
        removal = self._logins.remove(effect.payload["user_id"])
        if isinstance(removal, AccountRemoved):
            return Outcome("done", {"how": removal.how})
        return Outcome("owed", reason=removal.reason)

    def look_up(self, effect: Effect) -> Outcome | None:
        """Removing once more does no harm, so it is done again."""
        return Outcome("failed", code=NOT_THERE)


class RowDeletions:
    """Rows of one user, in order. May be repeated."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`."""
        deletions = converted(effect.payload["deletions"], list[RowDeletion])
        return Outcome("done", {"deleted": sum(self._delete(one) for one in deletions)})

    def look_up(self, effect: Effect) -> Outcome | None:
        """Never needed: it is done again."""
        return None

    def _delete(self, one: RowDeletion) -> bool:
        if one.holds:
            return self._rows.delete_if_holds(one.table, one.key, one.holds)
        return self._rows.delete_if_exists(one.table, one.key)


class Telling:
    """Makes no call: the ledger's claim is what makes one batch alone tell of the event."""

    def perform(self, effect: Effect) -> Outcome:
        """See :class:`lern_pipeline.microbatch.effects.Performer`."""
        return Outcome("done")

    def look_up(self, effect: Effect) -> Outcome | None:
        """Who has claimed it tells of it."""
        return Outcome("done")
