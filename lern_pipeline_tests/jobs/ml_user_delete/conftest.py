"""The platform of one test."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline_tests.jobs.manage_learn.manage_learn import ManageLearn, deletions


@pytest.fixture
def there() -> Iterator[ManageLearn]:
    made = deletions(f"memory://{uuid4()}")
    yield made
    for key in made.keys:
        BatchStore(made.base, made.job.name).delete(str(key))
