"""ml-user-delete's examples and rules on a real MongoDB: the double in memory does what a server does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lern_pipeline_tests.jobs.manage_learn.manage_learn import ManageLearn, deletions
from lern_pipeline_tests.jobs.ml_user_delete.test_contract_examples import *  # noqa: F403
from lern_pipeline_tests.jobs.ml_user_delete.test_rules import *  # noqa: F403
from lern_pipeline_tests.stack.mongo_documents import mongo_documents

pytestmark = pytest.mark.stack


@pytest.fixture
def there(mongo_url: str, tmp_path: Path) -> Iterator[ManageLearn]:
    made = deletions(str(tmp_path))
    with mongo_documents(mongo_url) as documents:
        made.world.documents = documents  # type: ignore[assignment]
        yield made
