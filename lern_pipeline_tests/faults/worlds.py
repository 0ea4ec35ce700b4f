"""The worlds of all jobs."""

from __future__ import annotations

from lern_pipeline_tests.faults.assessment_world import AssessmentWorld
from lern_pipeline_tests.faults.certificates_world import CertificatesWorld
from lern_pipeline_tests.faults.job_world import JobWorld
from lern_pipeline_tests.faults.merge_world import MergeWorld
from lern_pipeline_tests.faults.program_world import ProgramWorld
from lern_pipeline_tests.faults.progress_world import ProgressWorld
from lern_pipeline_tests.faults.reconciliation_world import ReconciliationWorld
from lern_pipeline_tests.faults.relation_cache_world import RelationCacheWorld
from lern_pipeline_tests.faults.user_cache_world import UserCacheWorld

WORLDS: dict[str, type[JobWorld]] = {
    world.job.name: world
    for world in (
        ProgressWorld,
        RelationCacheWorld,
        ReconciliationWorld,
        AssessmentWorld,
        MergeWorld,
        CertificatesWorld,
        UserCacheWorld,
        ProgramWorld,
    )
}
