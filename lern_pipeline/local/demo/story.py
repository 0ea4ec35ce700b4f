"""The demo's course of events: publish the course, then the learners' progress and answers, merge two accounts, and
watch Dagster carry it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.jobs.assessment_aggregator.job import ASSESSMENT_AGGREGATOR
from lern_pipeline.jobs.collection_cert_pre_processor.job import COLLECTION_CERT_PRE_PROCESSOR
from lern_pipeline.jobs.collection_certificate_generator.job import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.jobs.merge_user_courses.job import MERGE_USER_COURSES
from lern_pipeline.jobs.notification_job.job import NOTIFICATION_JOB
from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER
from lern_pipeline.local.demo.assessments import Assessments, assessments
from lern_pipeline.local.demo.certificates import keep, notification_events
from lern_pipeline.local.demo.course import Content, Course, sample_course
from lern_pipeline.local.demo.failure import DemoFailed
from lern_pipeline.local.demo.learners import (
    COMPLETED,
    SampleEvent,
    account_merge,
    account_merged_away,
    completes,
    learner_ids,
    publication,
    second_account,
    second_account_wave,
    waves,
)
from lern_pipeline.local.demo.platform_side import Platform, Progress, sample_time
from lern_pipeline.local.demo.screen import Screen
from lern_pipeline.local.demo.watching import LaneWatch
from lern_pipeline.local.paths import default_directory

#: The jobs that the sample goes through, in order.
CHAIN = (
    RELATION_CACHE_UPDATER,
    ACTIVITY_AGGREGATE_UPDATER,
    ASSESSMENT_AGGREGATOR,
    MERGE_USER_COURSES,
    ENROLMENT_RECONCILIATION,
    COLLECTION_CERT_PRE_PROCESSOR,
    COLLECTION_CERTIFICATE_GENERATOR,
    NOTIFICATION_JOB,
)
#: Nothing happening for this long means that nothing will.
PATIENCE_SECONDS = 180.0
POLL_SECONDS = 0.3
STATUS = {None: "none", 0: "not started", 1: "in progress", 2: "completed"}


class Story:
    """One run of the demo against servers and a Dagster that are up. ``watches``: of the chain's jobs, in its order."""

    def __init__(
        self, run: str, platform: Platform, watches: list[LaneWatch], screen: Screen, check: Callable[[], None]
    ) -> None:
        self.platform = platform
        self.screen = screen
        self.course: Course = sample_course(run)
        self.run = run
        self.learners = learner_ids(run)
        self.hero = self.learners[0]
        self._finishers = [user for number, user in enumerate(self.learners) if completes(self.course, number)]
        self._check = check
        self._published: dict[str, Counter[str]] = {watch.job.name: Counter() for watch in watches}
        self._watches = watches
        self._relations, self._progress, self._assessed, self._merges, self._reconciliation = watches[:5]
        self._issuing, self._generating, self._notifying = watches[5:]

    def tell(self) -> None:
        """Everything, in order.

        Raises:
            DemoFailed: in one line what was lost or did not happen.
        """
        screen, platform, course = self.screen, self.platform, self.course
        self._until(lambda: all(watch.has_position for watch in self._watches), "waiting for the sensors' first look")
        self._finish_earlier_work()
        now = sample_time()
        certificates_from = platform.certificate_topic_ends()

        screen.heading(f"A course is published: “{course.name}” ({course.id})")
        platform.store_course(course, self.learners, now)
        contents = len(course.contents)
        screen.line(
            f"hierarchy of {len(course.all_units)} units and {contents} contents ({contents - len(course.required)} "
            f"optional), batch {course.batch_id}, {len(self.learners)} enrolments stored as the platform does"
        )
        now_ms = int(now.timestamp() * 1000)
        self._publish(self._relations, publication(course, self.run, now_ms), "waiting for the relation cache")
        before = platform.progress_of(course, self.hero)

        screen.heading("Learners complete contents, and answer the assessment among them")
        first, second = waves(course, self.run, now_ms)
        # One learner goes on under a second account.
        platform.store_enrolments(course, [second_account(self.run)], now)
        other = second_account_wave(course, self.run, now_ms)
        platform.store_states(course, first.states, now)
        self._publish(self._progress, first.events, "waiting for the learners' progress")
        platform.store_states(course, [*second.states, *other.states], now)
        answers = assessments(course, self.run, now_ms, self._assessed.settings.flag("assessment.skip.missingRecords"))
        progress_is_done = self._send(self._progress, [*second.events, *other.events])
        answers_are_done = self._send(self._assessed, answers.events)
        self._until(
            lambda: progress_is_done() and answers_are_done(),
            "waiting for the learners' progress and scores",
            (self._progress, self._assessed),
        )
        after = platform.progress_of(course, self.hero)

        self._show_progress(before, after)
        self._show_attempts(after)
        requests = platform.certificate_requests(course, certificates_from)
        self._show_certificate(requests)
        self._merge_accounts(now)
        self._award_certificates(now_ms)
        self._show_jobs()
        self._account(requests, answers)

    def _finish_earlier_work(self) -> None:
        left = sum(watch.waiting() for watch in self._watches)
        if left:
            self._until(
                lambda: not any(watch.waiting() for watch in self._watches),
                f"finishing {left} records that an earlier demo left",
            )
        for watch in self._watches:
            watch.start()

    def _merge_accounts(self, now: datetime) -> None:
        """A learner with two accounts: what both did is the course, and where the merge asks enrolment-reconciliation
        to recompute, it is completed."""
        platform, course = self.platform, self.course
        old, new, now_ms = account_merged_away(self.run), second_account(self.run), int(now.timestamp() * 1000)
        self.screen.heading("A learner's two accounts are merged")
        before = [platform.progress_of(course, user_id) for user_id in (old, new)]

        self._publish(self._merges, [account_merge(self.run, now_ms)], "waiting for the merge")
        # The merge tells of the enrolment; no job acts on that event, but one reads it.
        self._published[self._progress.job.name]["skipped"] += 1
        recomputed = self._merges.settings.optional_text("kafka.output.enrolment.sync.topic") == (
            self._reconciliation.topic
        )
        self._published[self._reconciliation.job.name]["processed"] += recomputed
        behind = (self._progress, self._reconciliation)
        self._until(lambda: not any(watch.waiting() for watch in behind), "waiting for the jobs behind it", behind)
        for watch in self._watches:
            # What ended between the last look and the answer that nothing waits; and what nobody expected.
            watch.look(self.screen.line)
        after = platform.progress_of(course, new)
        self._show_merge([*before, after])
        if recomputed:
            if after.enrolment_status != COMPLETED:
                raise DemoFailed(
                    f"the course should be completed after the merge, but is {STATUS[after.enrolment_status]}"
                )
            self._finishers.append(new)

    def _award_certificates(self, now_ms: int) -> None:
        """Requests become certificates in the registry, and the notification service has mails sent."""
        screen, platform, course = self.screen, self.platform, self.course
        screen.heading("Certificates, and mails that tell of them")
        behind = (self._issuing, self._generating)
        # In this order: what the first has finished is waiting for the second.
        self._until(lambda: not any(watch.waiting() for watch in behind), "waiting for the certificates", behind)
        asked = platform.notifications_asked_for(course)
        self._publish(self._notifying, notification_events(asked, self.run, now_ms), "waiting for the mails")
        for watch in self._watches:
            watch.look(screen.line)
        awarded = platform.awarded(course, [*self.learners, second_account(self.run)])
        wrong = awarded.wrong(self._finishers)
        if wrong:
            raise DemoFailed("; ".join(wrong))
        (certificate,) = awarded.certificates[self.hero]
        (mail,) = awarded.mails[self.hero]
        picture = platform.certificate_picture(certificate["osid"])
        svg, html = keep(picture, mail, default_directory() / "demo" / "certificates")
        issuer, signatory = certificate["issuer"]["name"], certificate["signatory"][0]
        screen.columns(
            [
                ("", f"of {self.hero}"),
                ("certificate in the registry", certificate["osid"]),
                ("certificate in user_enrolments", awarded.enrolled[self.hero][0]),
                ("label", certificate["certificateLabel"]),
                ("recipient", certificate["recipient"]["name"]),
                ("course", certificate["training"]["name"]),
                ("issuer", issuer),
                ("signed by", f"{signatory['name']}, {signatory['designation']}"),
                ("mail to", ", ".join(mail["to"])),
                ("subject", mail["headers"]["Subject"]),
                ("entries in the feed", str(awarded.feed[self.hero])),
            ]
        )
        screen.plain(f"  The certificate: {svg}")
        screen.plain(f"  The mail:        {html}")

    def _publish(self, watch: LaneWatch, events: Sequence[SampleEvent], waiting_for: str) -> None:
        self._until(self._send(watch, events), waiting_for, (watch,))

    def _send(self, watch: LaneWatch, events: Sequence[SampleEvent]) -> Callable[[], bool]:
        """Publishes; returns the question whether finished batches hold all of it."""
        ends = self.platform.publish(watch.topic, events)
        self._published[watch.job.name].update(event.outcome.name for event in events)
        self.screen.line(f"{len(events)} events published to {watch.topic}")
        return lambda: watch.covers(ends)

    def _until(
        self, happened: Callable[[], bool], waiting_for: str, watches: Sequence[LaneWatch] | None = None
    ) -> None:
        """``watches``: those that have work; a look at one costs what the pipeline could use."""
        quiet_since = time.monotonic()
        with self.screen.waiting(waiting_for):
            while True:
                for watch in self._watches if watches is None else watches:
                    if watch.look(self.screen.line):
                        quiet_since = time.monotonic()
                if happened():
                    return
                self._check()
                if time.monotonic() - quiet_since > PATIENCE_SECONDS:
                    reasons = [reason for watch in self._watches for reason in watch.failures.values()]
                    why = f": {reasons[-1]}" if reasons else ""
                    raise DemoFailed(f"nothing happened for {PATIENCE_SECONDS:.0f} s while {waiting_for}{why}")
                time.sleep(POLL_SECONDS)

    # --- results

    def _show_jobs(self) -> None:
        self.screen.heading("What the jobs did")
        figures = {
            "consumed": "events",
            "processed": "processed",
            "skipped": "skipped",
            "failed": "failed",
            "rows": "rows_written",
            "keys": "keys_written",
            "messages": "messages",
        }
        rows = [
            (
                watch.job.name,
                str(len(watch.done)),
                *(str(watch.total(figure)) for figure in figures.values()),
                f"{watch.seconds:.2f}",
            )
            for watch in self._watches
        ]
        self.screen.columns([("", "batches", *figures, "seconds"), *rows])

    def _show_progress(self, before: Progress, after: Progress) -> None:
        course = self.course
        activities = [(course.id, course.name), *((unit.id, unit.name) for unit in course.all_units)]
        self.screen.heading(f"The progress of {self.hero} in Cassandra")
        self.screen.columns(
            [
                ("", "before", "after"),
                ("user_enrolments",),
                ("status", STATUS[before.enrolment_status], STATUS[after.enrolment_status]),
                (f"progress, of {len(course.required)} required", _text(before.progress), _text(after.progress)),
                ("completed on", _moment(before), _moment(after)),
                ("user_activity_agg, completedCount",),
                *((name, *(_text(at.aggregates.get(id_)) for at in (before, after))) for id_, name in activities),
                ("user_content_consumption, views and completions",),
                *(
                    (_title(content), *(_counters(at, content.id) for at in (before, after)))
                    for content in course.contents
                ),
            ]
        )

    def _show_attempts(self, progress: Progress) -> None:
        """What became of the answers of the learner who is shown."""
        course = self.course
        assessment = course.assessment
        self.screen.heading(f"The answers of {self.hero} to “{assessment.name}”")
        rows: list[tuple[str, ...]] = [("", "score", "of", "grand total"), ("assessment_aggregator, attempts",)]
        rows += [
            (attempt.attempt_id, f"{attempt.total_score:g}", f"{attempt.total_max_score:g}", attempt.grand_total)
            for attempt in self.platform.attempts(course, [self.hero])
        ]
        rows.append(("user_activity_agg, of all attempts",))
        rows += [(name.partition(":")[0], f"{value:g}", "", "") for name, value in sorted(progress.scores.items())]
        self.screen.columns(rows)

    def _show_merge(self, accounts: Sequence[Progress]) -> None:
        """``accounts``: the old one, the new one before the merge and after."""
        course = self.course
        self.screen.columns(
            [
                ("", "first account", "second account", "second, merged"),
                ("status", *(STATUS[at.enrolment_status] for at in accounts)),
                (f"progress, of {len(course.required)} required", *(_text(at.progress) for at in accounts)),
                ("completedCount", *(_text(at.aggregates.get(course.id)) for at in accounts)),
                ("views and completions",),
                *((_title(content), *(_counters(at, content.id) for at in accounts)) for content in course.contents),
            ]
        )

    def _show_certificate(self, requests: list[dict[str, Any]]) -> None:
        self.screen.heading("The certificate request that went out")
        mine = [request for request in requests if request["edata"].get("userIds") == [self.hero]]
        for request in mine[:1]:
            members = [f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in request.items()]
            self.screen.plain("\n".join(["{", ",\n".join(members), "}"]))

    def _account(self, requests: list[dict[str, Any]], answers: Assessments) -> None:
        """Compares with what the sample must come to."""
        wrong: list[str] = []
        for watch in self._watches:
            if watch in (self._issuing, self._generating):
                # Nobody but the jobs before them publishes these: what became of them is counted by certificates.
                if watch.total("failed"):
                    wrong.append(f"{watch.job.name} could not use {watch.total('failed')} events")
                continue
            expected = self._published[watch.job.name]
            found = {name: watch.total(name) for name in ("processed", "skipped", "failed")}
            if watch.total("events") != expected.total():
                wrong.append(f"{watch.job.name} consumed {watch.total('events')} of {expected.total()} events")
            elif found != {name: expected[name] for name in found}:
                wrong.append(f"{watch.job.name} came to {found}, not to {dict(expected)}")
        finishers = sum(user in self._finishers for user in self.learners)
        completed = self.platform.completed_learners(self.course, self.learners)
        if completed != finishers:
            wrong.append(f"{completed} learners have completed the course, not {finishers}")
        if len(requests) != finishers:
            wrong.append(f"{len(requests)} certificates were requested, not {finishers}")
        scores: dict[str, list[float]] = {}
        for attempt in self.platform.attempts(self.course, self.learners):
            scores.setdefault(attempt.user_id, []).append(attempt.total_score)
        if scores != answers.scores:
            wrong.append(f"the attempts of {len(scores)} learners are stored, not those of {len(answers.scores)}")
        if wrong:
            raise DemoFailed("; ".join(wrong))
        published = sum(expected.total() for expected in self._published.values())
        self.screen.plain()
        self.screen.plain(
            f"All {published} events are accounted for; {finishers} of {len(self.learners)} learners completed the "
            f"course, {len(scores)} answered the assessment; {len(self._finishers)} certificates were issued, each "
            "once, and as many mails sent."
        )


def _title(content: Content) -> str:
    return f"{content.name} (optional)" if content.optional else content.name


def _counters(progress: Progress, content_id: str) -> str:
    if content_id not in progress.contents:
        return "none"
    _, views, completions = progress.contents[content_id]
    return f"{views or 0} / {completions or 0}"


def _text(value: object) -> str:
    return "none" if value is None else str(value)


def _moment(progress: Progress) -> str:
    moment = progress.completed_on
    return "none" if moment is None else moment.replace(tzinfo=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
