"""One request, from the registration to the feed entry, as a script (contract collection-certificate-generator 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lern_pipeline.events.validation import InvalidEvent
from lern_pipeline.jobs.certificates.api_errors import SYSTEM_ERROR
from lern_pipeline.jobs.certificates.audit import ISSUED, audit_message
from lern_pipeline.jobs.certificates.dates import expiry_date, issued_date
from lern_pipeline.jobs.certificates.history import History, issued_unit
from lern_pipeline.jobs.certificates.issued import Entry, issue_time, list_write, same_named, with_entry
from lern_pipeline.jobs.certificates.old_certificate import REMOVAL
from lern_pipeline.jobs.certificates.rc_certificate import bad_characters, rc_certificate, without
from lern_pipeline.jobs.certificates.registering import (
    NotRegistered,
    effect_key,
    key_search,
    registered,
)
from lern_pipeline.jobs.certificates.registration import Sought
from lern_pipeline.jobs.certificates.request import CertificateRequest, Recipient
from lern_pipeline.jobs.certificates.tally import Tally
from lern_pipeline.jobs.collection_certificate_generator.notification import (
    MalformedTemplate,
    feed_entry,
    has_phone,
    mail,
    notify_template,
    sms,
)
from lern_pipeline.jobs.collection_certificate_generator.old_issuing import old_registered
from lern_pipeline.jobs.collection_certificate_generator.pending import Requested
from lern_pipeline.jobs.collection_certificate_generator.telling import (
    BLOCKED,
    EMPTY,
    FEED_ENTRY,
    NOTIFICATION,
    PROFILE_MEMBERS,
    USER_READ,
)
from lern_pipeline.microbatch.job import Failure, Moment
from lern_pipeline.microbatch.masked_id import masked_id
from lern_pipeline.microbatch.plan import Effect
from lern_pipeline.microbatch.script import Script, Step
from lern_pipeline.settings import JobSettings

ALREADY_ISSUED = "already issued"
STALE = "re-issue of a certificate that is not held any more"


def refusal(request: CertificateRequest, held: Sequence[Entry]) -> str | None:
    """Why the request asks for nothing (5, 16); None: it is to be carried out."""
    issued = same_named(held, request.name)
    if not issued:
        return None
    if not request.old_id:
        return ALREADY_ISSUED
    return None if any(entry.get("identifier") == request.old_id for entry in issued) else STALE


@dataclass(slots=True)
class Holding:
    """What an enrolment holds as its script goes on; ``writes``: how often its row was written."""

    entries: list[Entry]
    completed_on: int | None = None
    writes: int = 0


@dataclass(frozen=True, slots=True)
class Issuing:
    """What all requests of a micro-batch share."""

    settings: JobSettings
    moment: Moment
    tally: Tally
    history: History

    def certificates(self, requested: Requested, holding: Holding) -> Script[None]:
        """A certificate per recipient."""
        request, position, tally = requested.request, requested.position, self.tally
        try:
            expiry_date(request.expiry, issued_date(request.issued_date, self.moment.now_ms))
        except InvalidEvent as error:
            tally.fail(position, Failure(error.reason, error.code, error=error.error))
            return
        was_issued = False
        for index, recipient in enumerate(request.recipients):
            entry = yield from self._registered(requested, recipient, index)
            if isinstance(entry, NotRegistered):
                tally.not_registered(position, entry, self.history.failure_unit(position, index))
                continue
            was_issued = True
            osid = entry["identifier"]
            holding.entries = with_entry(holding.entries, entry)
            yield from self._entered(requested, osid, holding, index)
            yield from self._told(requested, osid, holding.completed_on)
            tally.metrics["success-events-count"] += 1
            tally.decision.counted.append(issued_unit(position, osid))
        # The old registry is told of the one that is replaced, and does it itself.
        if was_issued and request.old_id and self._in_rc:
            yield from self._old_one_removed(request.old_id)

    def told_again(self, requested: Requested, osids: Sequence[str], holding: Holding) -> Script[None]:
        """Of a rerun, whose certificates are there: what the learner has been told is not told again, but what an
        operator has released, or what failed before it was asked for."""
        for osid in osids:
            yield from self._told(requested, osid, holding.completed_on)
            self.tally.decision.counted.append(issued_unit(requested.position, osid))

    @property
    def _in_rc(self) -> bool:
        return self.settings.flag("enable.rc.certificate")

    def _registered(self, requested: Requested, recipient: Recipient, index: int) -> Script[Entry | NotRegistered]:
        """The certificate's entry for the enrolment."""
        if not self._in_rc:
            return (yield from old_registered(requested, recipient, index, self.settings, self.moment))
        osid = yield from self._registered_in_rc(requested, recipient, index)
        return osid if isinstance(osid, NotRegistered) else self._entry(requested.request, osid)

    def _registered_in_rc(self, requested: Requested, recipient: Recipient, index: int) -> Script[str | NotRegistered]:
        kid = yield from key_search()
        if isinstance(kid, NotRegistered):
            return kid
        request = requested.request
        certificate = without(bad_characters(self.settings), rc_certificate(request, recipient, kid, self.settings))
        parts = [*request.enrolment, request.name.lower(), request.old_id, *([str(index)] if index else [])]
        key = effect_key("certificate", parts)
        failures = self.history.failures(requested.position, index)
        if failures:
            key = f"{key}|rerun{failures}"
        return (
            yield from registered(
                key, certificate, _sought(certificate), masked_id(request.user_id), search_first=failures > 0
            )
        )

    def _entry(self, request: CertificateRequest, osid: str) -> Entry:
        return {
            "name": request.name,
            "identifier": osid,
            "token": "",
            "lastIssuedOn": issue_time(self.moment.now_ms),
            "templateUrl": request.svg_template,
            "type": self.settings.text("service.rc.entity"),
        }

    def _entered(self, requested: Requested, osid: str, holding: Holding, index: int) -> Script[None]:
        """The enrolment's row, the AUDIT event; then the user is read, whom the rest is for."""
        request = requested.request
        write = list_write(request, holding.entries, holding.writes, self.settings, self.moment)
        holding.writes += 1
        yield Step(
            [_user_read(request, osid)],
            rows=[write],
            messages=[
                audit_message(
                    ISSUED, request, request.user_id, osid, requested.position, index, self.settings, self.moment
                )
            ],
        )
        self.tally.metrics["enrollment-db-read-count"] += 1
        self.tally.metrics["db-update-user-enrollment-count"] += 1

    def _told(self, requested: Requested, osid: str, completed_on: int | None) -> Script[None]:
        request, tally = requested.request, self.tally
        read = _user_read(request, osid)
        outcome = (yield Step([read]))[read.key]
        profile: Mapping[str, Any] | None = None
        if not outcome.is_done:
            tally.trouble("user not read for the notification")
        elif outcome.result.get(BLOCKED):
            tally.metrics["skipped-notify-user-count"] += 1
        elif not outcome.result.get(EMPTY):
            profile = outcome.result[PROFILE_MEMBERS]
        if profile is not None:
            yield from self._notified(requested, osid, profile, completed_on)
        entry = self._once(FEED_ENTRY, osid, feed_entry(request), request, what="feed entry")
        yield from self._counted(entry, "user-feed-count")

    def _notified(
        self, requested: Requested, osid: str, profile: Mapping[str, Any], completed_on: int | None
    ) -> Script[None]:
        request, tally = requested.request, self.tally
        tally.metrics["db-course-batch-read-count"] += 1
        if requested.notify_template is None:
            tally.metrics["skipped-notify-user-count"] += 1
            return
        try:
            template = notify_template(requested.notify_template, self.settings)
        except MalformedTemplate as error:
            # The certificate is there and stays; the event's record tells of the template.
            tally.fail(requested.position, Failure(str(error), SYSTEM_ERROR))
            return
        letter = mail(request, template, profile, completed_on, self.moment.now_ms)
        yield from self._counted(self._once("mail", osid, letter, request, what="mail"), "notified-user-count")
        if has_phone(profile):
            text = sms(letter, self.settings)
            yield from self._counted(self._once("sms", osid, text, request, what="SMS"), None)

    def _counted(self, effect: Effect, metric: str | None) -> Script[None]:
        outcome = (yield Step([effect]))[effect.key]
        if outcome.is_done:
            if metric is not None:
                self.tally.metrics[metric] += 1
        elif outcome.status == "failed":
            self.tally.trouble(f"{effect.what} not sent: {outcome.reason}")

    def _old_one_removed(self, old_id: str) -> Script[None]:
        effect = Effect(f"{REMOVAL}|{old_id}", REMOVAL, {"id": old_id}, once=False)
        outcome = (yield Step([effect]))[effect.key]
        if not outcome.is_done:
            self.tally.troubles[f"old certificate not removed: {outcome.reason}"] += 1

    def _once(
        self, kind: str, osid: str, request_body: dict[str, Any], request: CertificateRequest, what: str
    ) -> Effect:
        """At most once per certificate (16)."""
        performer = FEED_ENTRY if kind == FEED_ENTRY else NOTIFICATION
        return Effect(f"{kind}|{osid}", performer, request_body, what=what, to_whom=masked_id(request.user_id))


def _user_read(request: CertificateRequest, osid: str) -> Effect:
    return Effect(f"{USER_READ}|{osid}", USER_READ, {"user": request.user_id}, once=False)


def _sought(certificate: Mapping[str, Any]) -> Sought:
    """How RC is asked for this very certificate (16)."""
    training = certificate["training"]
    return Sought(
        filters={"recipient.id": {"eq": certificate["recipient"]["id"]}, "status": {"eq": "ACTIVE"}},
        matches={
            "training.id": training["id"],
            "training.batchId": training["batchId"],
            "certificateLabel": certificate["certificateLabel"],
        },
        old_id=certificate.get("oldId", ""),
    )
