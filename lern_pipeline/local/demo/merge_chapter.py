"""A learner with two accounts: what both did is the course, and where the merge asks enrolment-reconciliation to
recompute, it is completed."""

from __future__ import annotations

from lern_pipeline.jobs.activity_aggregate_updater.job import ACTIVITY_AGGREGATE_UPDATER
from lern_pipeline.jobs.enrolment_reconciliation.job import ENROLMENT_RECONCILIATION
from lern_pipeline.jobs.merge_user_courses.job import MERGE_USER_COURSES
from lern_pipeline.local.demo.cast import Cast
from lern_pipeline.local.demo.failure import DemoFailed
from lern_pipeline.local.demo.learners import COMPLETED, account_merge, account_merged_away, second_account
from lern_pipeline.local.demo.progress_tables import STATUS, show_merge
from lern_pipeline.local.demo.stage import Stage


def merge_accounts(stage: Stage, cast: Cast, now_ms: int) -> None:
    """Tells it.

    Raises:
        DemoFailed: the course is not completed afterwards.
    """
    platform, course = stage.platform, cast.course
    merges, reconciliation, progress = (
        stage.watch(job) for job in (MERGE_USER_COURSES, ENROLMENT_RECONCILIATION, ACTIVITY_AGGREGATE_UPDATER)
    )
    old, new = account_merged_away(cast.run), second_account(cast.run)
    stage.screen.heading("A learner's two accounts are merged")
    before = [platform.progress_of(course, user_id) for user_id in (old, new)]

    stage.publish(merges, [account_merge(cast.run, now_ms)], "waiting for the merge")
    # The merge tells of the enrolment; no job acts on that event, but one reads it.
    stage.published[progress.job.name]["skipped"] += 1
    recomputed = merges.settings.optional_text("kafka.output.enrolment.sync.topic") == reconciliation.topic
    stage.published[reconciliation.job.name]["processed"] += recomputed
    behind = (progress, reconciliation)
    stage.until(lambda: not any(watch.waiting() for watch in behind), "waiting for the jobs behind it", behind)
    stage.look()
    after = platform.progress_of(course, new)
    show_merge(stage.screen, course, [*before, after])
    if recomputed:
        if after.enrolment_status != COMPLETED:
            raise DemoFailed(f"the course should be completed after the merge, but is {STATUS[after.enrolment_status]}")
        cast.finishers.append(new)
