"""Every place of an installation that may hold something of a deleted user."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg

from lern_pipeline.jobs.deletion_proof.archives import Archive, in_archives
from lern_pipeline.jobs.deletion_proof.documents import in_documents
from lern_pipeline.jobs.deletion_proof.failed_topics import FailedTopicLog, in_failed_topics
from lern_pipeline.jobs.deletion_proof.learning_records import in_assessments, in_course_progress, in_programmes
from lern_pipeline.jobs.deletion_proof.ledger import in_effects, in_unfinished
from lern_pipeline.jobs.deletion_proof.profile import in_accounts, in_cache
from lern_pipeline.jobs.deletion_proof.trace import Look
from lern_pipeline.jobs.deletion_proof.user_tables import in_identities, in_lookups, in_memberships, in_user
from lern_pipeline.jobs.user_deletion_cleanup.job import USER_DELETION_CLEANUP
from lern_pipeline.microbatch.effects import EffectLedger
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline.microbatch.login_accounts import removal_not_configured
from lern_pipeline.orchestration.installation import Installation
from lern_pipeline.orchestration.unfinished_effects import jobs_with_effects
from lern_pipeline.settings.catalogue.jobs import (
    ACTIVITY_AGGREGATE_UPDATER,
    ASSESSMENT_AGGREGATOR,
    ML_USER_DELETE,
    PROGRAM_USER_INFO,
)

LEFT_OUT = "deletion.proof.left.out"
READ_WHOLE = ("user_lookup", "program_enrollment", "effects")
WHOLE_TABLE = "found by a look at the whole table alone, which was not wanted"


class Places:
    """``jobs``: those of this installation. ``whole_tables``: whether tables are read whole where that is needed."""

    def __init__(
        self,
        installation: Installation,
        instance: dg.DagsterInstance,
        jobs: Sequence[JobSpec[Any, Any]],
        whole_tables: bool,
    ) -> None:
        self._installation = installation
        self._instance = instance
        self._jobs = {job.name: job for job in jobs}
        settings = installation.settings(USER_DELETION_CLEANUP)
        self.left_out: dict[str, str] = {
            place: f"named by {LEFT_OUT}" for place in settings.texts(LEFT_OUT) if place in self._all()
        }
        if not whole_tables:
            self.left_out |= dict.fromkeys(READ_WHOLE, WHOLE_TABLE)
        unconfigured = removal_not_configured(settings)
        if unconfigured is not None:
            self.left_out["keycloak"] = unconfigured

    @property
    def looks(self) -> dict[str, Look]:
        """How users are looked for, by place."""
        return {place: look for place, look in self._all().items() if place not in self.left_out}

    def _all(self) -> dict[str, Look]:
        services = self._installation.services(USER_DELETION_CLEANUP)
        settings = self._installation.settings(USER_DELETION_CLEANUP)
        in_rows = {
            "user": in_user,
            "usr_external_identity": in_identities,
            "user_organisation": in_memberships,
            "user_lookup": in_lookups,
        }
        return {
            **{place: partial(look, rows=services.rows, settings=settings) for place, look in in_rows.items()},
            "redis": partial(in_cache, caches=services.caches, settings=settings),
            "keycloak": partial(in_accounts, logins=services.logins),
            **self._of_other_jobs(),
            "unfinished effects": lambda users: in_unfinished(users, self._ledgers()),
            "effects": partial(in_effects, rows=services.rows, settings=settings),
            "archives": lambda users: in_archives(users, self.archives()),
            "failed topics": lambda users: in_failed_topics(users, services.broker, self._failed_topics()),
        }

    def _of_other_jobs(self) -> Mapping[str, Look]:
        looks: dict[str, Look] = {}
        progress = self._jobs.get(ACTIVITY_AGGREGATE_UPDATER)
        if progress is not None:
            rows, settings = self._installation.services(progress).rows, self._installation.settings(progress)
            looks["course progress"] = partial(in_course_progress, rows=rows, settings=settings)
            assessments = self._jobs.get(ASSESSMENT_AGGREGATOR)
            if assessments is not None:
                of_assessments = self._installation.settings(assessments)
                looks["assessments"] = partial(in_assessments, rows=rows, settings=of_assessments, progress=settings)
        programmes = self._jobs.get(PROGRAM_USER_INFO)
        if programmes is not None:
            rows, settings = self._installation.services(programmes).rows, self._installation.settings(programmes)
            looks["program_enrollment"] = partial(in_programmes, rows=rows, settings=settings)
        manage_learn = self._jobs.get(ML_USER_DELETE)
        if manage_learn is not None:
            documents = self._installation.services(manage_learn).documents
            settings = self._installation.settings(manage_learn)
            looks["mongodb"] = partial(in_documents, documents=documents, settings=settings)
        return looks

    def archives(self) -> list[Archive]:
        """What is kept of every job's batches."""
        return [self._archive(job) for job in self._jobs.values()]

    def archive_of_deletions(self) -> Archive:
        """The events that deleted users."""
        return self._archive(USER_DELETION_CLEANUP)

    def _archive(self, job: JobSpec[Any, Any]) -> Archive:
        settings = self._installation.settings(job)
        waiting: frozenset[str] = frozenset()
        if jobs_with_effects([job]):
            waiting = frozenset(line.batch for line in self._installation.services(job).ledger.unfinished(job.name))
        store = self._installation.store(job, self._instance)
        days = settings.integer("microbatch.archive.retention.days")
        return Archive(job.name, store, job.personal_data, days, waiting)

    def _ledgers(self) -> dict[str, EffectLedger]:
        return {job.name: self._installation.services(job).ledger for job in jobs_with_effects(self._jobs.values())}

    def _failed_topics(self) -> list[FailedTopicLog]:
        readers = {job.failed_topic(self._installation.settings(job)): job for job in self._jobs.values()}
        logs = []
        for topic, job in sorted(readers.items()):
            offsets = self._installation.positions(job).offsets(topic)
            logs.append(FailedTopicLog(topic, offsets.starts, offsets.ends))
        return logs
