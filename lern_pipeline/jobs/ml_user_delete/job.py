"""Names and wiring of ml-user-delete."""

from __future__ import annotations

from lern_pipeline.events.decoding import decode_lenient
from lern_pipeline.jobs.manage_learn.documents import GROUP, SOLUTIONS_STORE, collection
from lern_pipeline.jobs.ml_user_delete.deletion_event import DeletedUser, deleted_user
from lern_pipeline.jobs.ml_user_delete.rules import decide, read_state
from lern_pipeline.microbatch.job import JobSpec

ML_USER_DELETE: JobSpec[DeletedUser, None] = JobSpec(
    name="ml-user-delete",
    description=(
        "A user was deleted: in the observations, submissions, projects, program users and solutions that Manage Learn "
        "keeps of the user the first name becomes `Deleted User`, and the other personal fields go."
    ),
    group=GROUP,
    decode=decode_lenient,
    validate=deleted_user,
    read_state=read_state,
    decide=decide,
    stores=(
        collection("observations", "Observations, with the profile of who made them."),
        collection("surveySubmissions", "Submissions of surveys, with the profile of who made them."),
        collection("observationSubmissions", "Submissions of observations, with the profiles of who made them."),
        collection("projects", "Improvement projects, with their user's profile."),
        collection("programUsers", "Participation in programs, with the user's profile."),
        SOLUTIONS_STORE,
    ),
    personal_data=True,
    kinds=frozenset({"kafka", "mongodb"}),
    event_metrics={
        "total-transfer-events-count": "consumed",
        "skipped-message-count": "skipped",
        "success-message-count": "processed",
        # Declared and never counted in the existing job (D7).
        "user-deletion-cleanup-hit": "processed",
    },
    io_metrics={"documents-matched": "mongo.matched", "documents-modified": "mongo.modified"},
)
