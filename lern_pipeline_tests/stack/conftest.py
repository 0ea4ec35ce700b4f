"""One environment prefix per test module on the shared servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from lern_pipeline_tests.stack.servers import Servers


@pytest.fixture(scope="module")
def servers(local_stack: Any) -> Iterator[Servers]:
    servers = Servers.at(local_stack.addresses)
    yield servers
    servers.forget_topics()
