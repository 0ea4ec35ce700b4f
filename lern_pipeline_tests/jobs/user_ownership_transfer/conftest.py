"""The platform of one test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from lern_pipeline.microbatch.store import BatchStore
from lern_pipeline_tests.jobs.user_ownership_transfer.course_batches import CourseBatches, course_batches

Make = Callable[..., CourseBatches]


@pytest.fixture
def make() -> Iterator[Make]:
    """A platform with settings; two members of the organisation are there."""
    made: list[CourseBatches] = []

    def platform(**settings: str) -> CourseBatches:
        made.append(course_batches(f"memory://{uuid4()}", **settings))
        for user in ("U-old", "U-new"):
            made[-1].member(user)
        return made[-1]

    yield platform
    for one in made:
        for key in one.keys:
            BatchStore(one.base, one.job.name).delete(str(key))


@pytest.fixture
def there(make: Make) -> CourseBatches:
    return make()
