"""Any JSON, and any change of a good event, through every job: nothing but what is declared, and it adds up."""

from __future__ import annotations

import copy
import json
import os
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lern_pipeline.jobs.all_jobs import ALL_JOBS
from lern_pipeline.jobs.relation_cache_updater.hierarchy import COLLECTION
from lern_pipeline.microbatch.job import JobSpec
from lern_pipeline_tests.faults.fuzzed_batch import fuzz_settings, run_batch
from lern_pipeline_tests.faults.hostile_records import NASTY_TEXTS, WRONG_VALUES, changed, paths_of
from lern_pipeline_tests.faults.test_hostile_input import EVENTS

pytestmark = pytest.mark.faults

EXAMPLES = int(os.environ.get("LERN_PIPELINE_TEST_EXAMPLES", "100"))

IDS = ("do_hostile", "do_hostile_c1", "do_hostile_c2", "hostile-user", "hostile-batch", "hostile-old", "hostile-new")
NAMES = ("edata", "action", "contents", "contentId", "status", "userId", "courseId", "batchId", "events", "children")

# Lone surrogates too: JSON can say them, UTF-8 cannot.
texts = st.sampled_from(IDS) | st.sampled_from(NASTY_TEXTS) | st.text(st.characters(), max_size=8)
numbers = (
    st.integers()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats()
    | st.sampled_from([2, 2.0, 2**31, 2**63, -(2**63) - 1, 1e308])
)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | texts, inner, max_size=4),
    max_leaves=12,
)
replacements = st.sampled_from(WRONG_VALUES) | json_values


@st.composite
def changed_copies(draw: st.DrawFn, event: dict[str, Any]) -> Any:
    """The event with up to three places removed, replaced or added to."""
    found: Any = copy.deepcopy(event)
    for _ in range(draw(st.integers(0, 3))):
        paths = list(paths_of(found))
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        change = draw(st.sampled_from(("replace", "remove", "add")))
        if change == "add":
            path = (*path[:-1], draw(texts)) if isinstance(path[-1], str) else path
        found = changed(found, path, None if change == "remove" else draw(replacements), remove=change == "remove")
    return found


def as_text(value: Any, ascii_only: bool) -> bytes:
    # Broken on purpose where it holds surrogates that are not escaped.
    return json.dumps(value, ensure_ascii=ascii_only).encode(errors="surrogatepass")


def records_of(event: dict[str, Any]) -> st.SearchStrategy[bytes | None]:
    texts_of_events = st.builds(as_text, changed_copies(event), st.booleans())
    texts_of_values = st.builds(as_text, json_values, st.booleans())
    return texts_of_events | texts_of_events | texts_of_values | st.binary(max_size=30) | st.none()


HIERARCHY: dict[str, Any] = {
    "identifier": "do_hostile",
    "mimeType": COLLECTION,
    "visibility": "Default",
    "children": [
        {
            "identifier": "do_hostile_u1",
            "mimeType": COLLECTION,
            "visibility": "Parent",
            "leafNodes": ["do_hostile_c1"],
            "children": [
                {"identifier": "do_hostile_c1", "mimeType": "video/mp4", "visibility": "Default"},
                {
                    "identifier": "do_hostile_c2",
                    "mimeType": "video/mp4",
                    "relationalMetadata": '{"do_hostile_c2": {"optional": true}}',
                },
            ],
        }
    ],
}


def decoded(text: bytes) -> str:
    return text.decode(errors="replace")


@pytest.mark.parametrize("job", ALL_JOBS, ids=lambda job: job.name)
def test_whatever_comes_is_decided_accounted_for_and_stored(job: JobSpec[Any, Any]) -> None:
    its_settings = fuzz_settings(job)
    outcomes = Counter[str]()

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        records=st.lists(records_of(EVENTS[job.name]), min_size=1, max_size=5),
        leafnodes=st.frozensets(st.sampled_from(IDS) | texts.filter(_is_text), max_size=4),
        hierarchy=st.builds(decoded, st.builds(as_text, changed_copies(HIERARCHY) | json_values, st.booleans())),
        statuses=st.dictionaries(st.sampled_from(IDS), st.none() | st.integers(-(2**31), 2**31 - 1), max_size=2),
    )
    def check(
        records: list[bytes | None], leafnodes: frozenset[str], hierarchy: str, statuses: dict[str, int | None]
    ) -> None:
        account = run_batch(job, its_settings, records, leafnodes, {"do_hostile": hierarchy}, statuses)
        outcomes.update(processed=account.processed, skipped=account.skipped_total, failed=account.failed_total)

    check()
    print(dict(outcomes))
    assert outcomes["processed"] and outcomes["failed"], outcomes


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
