"""The demo's course of events: publish the course, then the learners' progress and answers; the other chapters have
files of their own. And the account of it all."""

from __future__ import annotations

from typing import Any

from dagster import DagsterInstance

from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.jobs.assessment_aggregator.job import ASSESSMENT_AGGREGATOR
from lern_pipeline.jobs.collection_cert_pre_processor.job import COLLECTION_CERT_PRE_PROCESSOR
from lern_pipeline.jobs.collection_certificate_generator.job import COLLECTION_CERTIFICATE_GENERATOR
from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.jobs.merge_user_courses.job import MERGE_USER_COURSES
from lern_pipeline.jobs.ml_user_delete.job import ML_USER_DELETE
from lern_pipeline.jobs.notification_job.job import NOTIFICATION_JOB
from lern_pipeline.jobs.relation_cache_updater.job import RELATION_CACHE_UPDATER
from lern_pipeline.jobs.user_cache_updater.job import USER_CACHE_UPDATER
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.local.demo.assessments import Assessments, assessments
from lern_pipeline.local.demo.cast import Cast
from lern_pipeline.local.demo.certificates_chapter import award_certificates, show_request
from lern_pipeline.local.demo.deletion_chapter import DeletionChapter
from lern_pipeline.local.demo.failure import DemoFailed
from lern_pipeline.local.demo.learners import publication, second_account, second_account_wave, waves
from lern_pipeline.local.demo.merge_chapter import merge_accounts
from lern_pipeline.local.demo.platform_side import sample_time
from lern_pipeline.local.demo.progress_tables import show_attempts, show_progress
from lern_pipeline.local.demo.stage import Stage
from lern_pipeline.local.demo.user_cache_chapter import UserCacheChapter
from lern_pipeline.local.demo.user_side import UserSide

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
    USER_CACHE_UPDATER,
    USER_DELETION_CLEANUP,
    ML_USER_DELETE,
)
#: Nobody but the jobs before them publishes for these: what became of that is counted by certificates.
BEHIND_OTHERS = (COLLECTION_CERT_PRE_PROCESSOR, COLLECTION_CERTIFICATE_GENERATOR)


class Story:
    """One run of the demo."""

    def __init__(self, run: str, stage: Stage, users: UserSide, instance: DagsterInstance) -> None:
        self.stage = stage
        self.cast = Cast.of(run)
        self._user_cache = UserCacheChapter(stage, users, self.cast.hero)
        self._deletion = DeletionChapter(stage, users, instance, self.cast.leaver)

    def tell(self) -> None:
        """Everything, in order.

        Raises:
            DemoFailed: in one line what was lost or did not happen.
        """
        stage, cast = self.stage, self.cast
        screen, platform, course = stage.screen, stage.platform, cast.course
        relations, progress, assessed = (
            stage.watch(job) for job in (RELATION_CACHE_UPDATER, ACTIVITY_AGGREGATE_UPDATER, ASSESSMENT_AGGREGATOR)
        )
        stage.until(lambda: all(watch.has_position for watch in stage.watches), "waiting for the sensors' first look")
        self._finish_earlier_work()
        now = sample_time()
        certificates_from = platform.certificate_topic_ends()

        screen.heading(f"A course is published: “{course.name}” ({course.id})")
        platform.store_course(course, cast.learners, now)
        contents = len(course.contents)
        screen.line(
            f"hierarchy of {len(course.all_units)} units and {contents} contents ({contents - len(course.required)} "
            f"optional), batch {course.batch_id}, {len(cast.learners)} enrolments stored as the platform does"
        )
        now_ms = int(now.timestamp() * 1000)
        stage.publish(relations, publication(course, cast.run, now_ms), "waiting for the relation cache")
        before = platform.progress_of(course, cast.hero)

        screen.heading("Learners complete contents, and answer the assessment among them")
        first, second = waves(course, cast.run, now_ms)
        # One learner goes on under a second account.
        platform.store_enrolments(course, [second_account(cast.run)], now)
        other = second_account_wave(course, cast.run, now_ms)
        platform.store_states(course, first.states, now)
        is_signed_up, is_signed_up_too = self._user_cache.sign_up(), self._deletion.sign_up()
        is_through = stage.send(progress, first.events)
        stage.until(
            lambda: is_through() and is_signed_up() and is_signed_up_too(),
            "waiting for the learners' progress",
            (progress, self._user_cache.watch),
        )
        platform.store_states(course, [*second.states, *other.states], now)
        answers = assessments(course, cast.run, now_ms, assessed.settings.flag("assessment.skip.missingRecords"))
        progress_is_done = stage.send(progress, [*second.events, *other.events])
        answers_are_done = stage.send(assessed, answers.events)
        stage.until(
            lambda: progress_is_done() and answers_are_done(),
            "waiting for the learners' progress and scores",
            (progress, assessed),
        )
        after = platform.progress_of(course, cast.hero)

        show_progress(screen, course, cast.hero, before, after)
        show_attempts(screen, course, cast.hero, platform.attempts(course, [cast.hero]), after)
        requests = platform.certificate_requests(course, certificates_from)
        show_request(screen, cast, requests)
        merge_accounts(stage, cast, now_ms)
        award_certificates(stage, cast, now_ms)
        self._user_cache.move()
        try:
            self._deletion.leave()
        finally:
            self._deletion.close()
        self._show_jobs()
        self._account(requests, answers)

    def _finish_earlier_work(self) -> None:
        left = sum(watch.waiting() for watch in self.stage.watches)
        if left:
            self.stage.until(
                lambda: not any(watch.waiting() for watch in self.stage.watches),
                f"finishing {left} records that an earlier demo left",
            )
        for watch in self.stage.watches:
            watch.start()

    def _show_jobs(self) -> None:
        self.stage.screen.heading("What the jobs did")
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
            for watch in self.stage.watches
        ]
        self.stage.screen.columns([("", "batches", *figures, "seconds"), *rows])

    def _account(self, requests: list[dict[str, Any]], answers: Assessments) -> None:
        """Compares with what the sample must come to."""
        stage, cast = self.stage, self.cast
        wrong: list[str] = []
        for watch in stage.watches:
            if watch.job in BEHIND_OTHERS:
                if watch.total("failed"):
                    wrong.append(f"{watch.job.name} could not use {watch.total('failed')} events")
                continue
            expected = stage.published[watch.job.name]
            found = {name: watch.total(name) for name in ("processed", "skipped", "failed")}
            if watch.total("events") != expected.total():
                wrong.append(f"{watch.job.name} consumed {watch.total('events')} of {expected.total()} events")
            elif found != {name: expected[name] for name in found}:
                wrong.append(f"{watch.job.name} came to {found}, not to {dict(expected)}")
        finishers = sum(user in cast.finishers for user in cast.learners)
        completed = stage.platform.completed_learners(cast.course, cast.learners)
        if completed != finishers:
            wrong.append(f"{completed} learners have completed the course, not {finishers}")
        if len(requests) != finishers:
            wrong.append(f"{len(requests)} certificates were requested, not {finishers}")
        scores: dict[str, list[float]] = {}
        for attempt in stage.platform.attempts(cast.course, cast.learners):
            scores.setdefault(attempt.user_id, []).append(attempt.total_score)
        if scores != answers.scores:
            wrong.append(f"the attempts of {len(scores)} learners are stored, not those of {len(answers.scores)}")
        if wrong:
            raise DemoFailed("; ".join(wrong))
        published = sum(expected.total() for expected in stage.published.values())
        stage.screen.plain()
        stage.screen.plain(
            f"All {published} events are accounted for; {finishers} of {len(cast.learners)} learners completed the "
            f"course, {len(scores)} answered the assessment; {len(cast.finishers)} certificates were issued, each "
            "once, and as many mails sent."
        )
