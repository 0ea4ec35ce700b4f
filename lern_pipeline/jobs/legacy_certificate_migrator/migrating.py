"""One migration as a script (contract legacy-certificate-migrator 4–6, 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lern_pipeline.events.record import Position
from lern_pipeline.events.validation import InvalidEvent
from lern_pipeline.jobs.certificates.audit import MIGRATED, audit_message
from lern_pipeline.jobs.certificates.dates import expiry_date, issued_date
from lern_pipeline.jobs.certificates.history import History, issued_unit
from lern_pipeline.jobs.certificates.issued import Entry, list_write, same_named, with_entry
from lern_pipeline.jobs.certificates.rc_certificate import bad_characters, rc_certificate, without
from lern_pipeline.jobs.certificates.registering import (
    NotRegistered,
    effect_key,
    key_search,
    registered,
)
from lern_pipeline.jobs.certificates.registration import Sought
from lern_pipeline.jobs.certificates.request import CertificateRequest
from lern_pipeline.jobs.certificates.tally import Tally
from lern_pipeline.jobs.legacy_certificate_migrator.migration_event import Migration
from lern_pipeline.jobs.legacy_certificate_migrator.registry_rows import BEGINNING, ENDING, REVOKED, STARTED, UPDATED
from lern_pipeline.microbatch.job import Failure, Moment
from lern_pipeline.microbatch.masked_id import masked_id
from lern_pipeline.microbatch.plan import Effect, Message, RowWrites
from lern_pipeline.microbatch.script import Script, Step
from lern_pipeline.settings import JobSettings

NO_ROW = "no row in the old registry"
ALREADY_MIGRATED = "already migrated"
UNKNOWN_STATE = "unknown state in the old registry"

#: Never stored by this job nor the existing one.
COMPLETED = "migration_completed"


@dataclass(slots=True)
class Holding:
    """What an enrolment and the registry hold as the script goes on. ``entries`` None: there is no enrolment."""

    entries: list[Entry] | None
    states: dict[str, str | None] = field(default_factory=dict)
    writes: int = 0


@dataclass(frozen=True, slots=True)
class Migrating:
    """What all migrations of a micro-batch share."""

    settings: JobSettings
    moment: Moment
    tally: Tally
    history: History

    def migration(self, migration: Migration, position: Position, holding: Holding) -> Script[None]:
        """From the state that the row has to the end."""
        request, tally = migration.request, self.tally
        if migration.identifier not in holding.states:
            tally.skip(position, NO_ROW)
            return
        state = holding.states[migration.identifier] or ""
        if state == REVOKED:
            # Of a rerun: this very event has migrated it.
            if not self.history.issued(position):
                tally.skip(position, ALREADY_MIGRATED)
            return
        if state not in ("", STARTED, COMPLETED, UPDATED):
            tally.skip(position, UNKNOWN_STATE)
            return
        try:
            expiry_date(request.expiry, issued_date(request.issued_date, self.moment.now_ms))
        except InvalidEvent as error:
            tally.fail(position, Failure(error.reason, error.code, error=error.error))
            return
        osid: str | None = None
        if state != UPDATED and not _newer_is_held(request, holding.entries or ()):
            found = yield from self._registered(migration, position, state)
            if isinstance(found, NotRegistered):
                holding.states[migration.identifier] = STARTED
                tally.not_registered(position, found, self.history.failure_unit(position, 0))
                return
            osid = found
        yield from self._ended(migration, position, osid, holding)

    def _registered(self, migration: Migration, position: Position, state: str) -> Script[str | NotRegistered]:
        """Steps A and B."""
        request = migration.request
        if state != STARTED:
            begun = Effect(f"{BEGINNING}|{position}", BEGINNING, {"identifier": migration.identifier}, once=False)
            yield Step([begun])
        kid = yield from key_search()
        if isinstance(kid, NotRegistered):
            return kid
        failures = self.history.failures(position, 0)
        key = effect_key("migration", [migration.identifier, request.old_id])
        return (
            yield from registered(
                f"{key}|rerun{failures}" if failures else key,
                without(bad_characters(self.settings), migrated_certificate(request, kid, self.settings)),
                Sought({"oldId": {"eq": migration.identifier}}, limit=1, authorized=True),
                masked_id(request.user_id),
                search_first=bool(failures) or state in (STARTED, COMPLETED),
            )
        )

    def _ended(self, migration: Migration, position: Position, osid: str | None, holding: Holding) -> Script[None]:
        """Steps C, where there is a new certificate, and D."""
        request, tally = migration.request, self.tally
        rows: list[RowWrites] = []
        messages: list[Message] = []
        if osid is not None:
            tally.metrics["enrollment-db-read-count"] += 1
            if holding.entries is None:
                tally.troubles["no enrolment: the certificate is migrated, no list has it (D3)"] += 1
            else:
                holding.entries = with_entry(holding.entries, self._entry(request, osid))
                rows = [list_write(request, holding.entries, holding.writes, self.settings, self.moment)]
                messages = [
                    audit_message(MIGRATED, request, request.user_id, osid, position, 0, self.settings, self.moment)
                ]
                holding.writes += 1
                tally.metrics["db-update-user-enrollment-count"] += 1
        payload = {"identifier": migration.identifier, "old_id": request.old_id, "updated": osid is not None}
        ending = Effect(f"{ENDING}|{position}", ENDING, payload, once=False)
        outcome = (yield Step([ending], rows, messages))[ending.key]
        if outcome.is_done:
            holding.states[migration.identifier] = REVOKED
            tally.metrics["success-events-count"] += 1
            tally.decision.counted.append(issued_unit(position, osid or ""))
        else:
            holding.states[migration.identifier] = UPDATED
            tally.fail(position, Failure(outcome.reason, outcome.code))

    def _entry(self, request: CertificateRequest, osid: str) -> Entry:
        entry = {
            "name": request.name,
            "identifier": osid,
            "token": "",
            "lastIssuedOn": request.issued_date,
            "templateUrl": request.svg_template,
            "type": self.settings.text("service.rc.entity"),
        }
        return {name: value for name, value in entry.items() if value or name != "lastIssuedOn"}


def migrated_certificate(request: CertificateRequest, kid: str | None, settings: JobSettings) -> dict[str, Any]:
    """Body of the create request (5): of the first recipient (D8)."""
    certificate = rc_certificate(request, request.recipients[0], kid, settings)
    certificate["recipient"]["type"] = "user"
    certificate["issuedOn"] = request.issued_date
    return certificate


def _newer_is_held(request: CertificateRequest, held: Sequence[Mapping[str, str]]) -> bool:
    """Whether a certificate of that name was issued since (D1)."""
    return any(entry.get("identifier") != request.old_id for entry in same_named(held, request.name))
