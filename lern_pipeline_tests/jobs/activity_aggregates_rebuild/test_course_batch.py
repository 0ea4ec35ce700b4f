"""A course batch's key is safe for every id, and leads back to it."""

from __future__ import annotations

import pytest
from dagster._core.definitions.partitions.utils.base import raise_error_on_invalid_partition_key_substring
from hypothesis import given
from hypothesis import strategies as st

from lern_pipeline.jobs.activity_aggregates_rebuild.course_batch import CourseBatch, InvalidCourseBatch

pytestmark = pytest.mark.rules

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda text: text.strip() != "")


def test_the_key_reads_as_the_ids_where_they_are_the_usual_ones() -> None:
    assert CourseBatch("do_21301", "0130107-41").key == "do_21301:0130107-41"


@given(ids, ids)
def test_every_id_comes_back_from_a_key_that_means_nothing_to_dagster_or_a_file_system(course: str, batch: str) -> None:
    key = CourseBatch(course, batch).key
    assert CourseBatch.parse(key) == (course, batch)
    raise_error_on_invalid_partition_key_substring([key])
    assert not set(key) & set("/\\. \n\0,[]\"'")


def test_no_two_batches_share_a_key() -> None:
    assert CourseBatch("a:b", "c").key != CourseBatch("a", "b:c").key


@pytest.mark.parametrize("key", ["", "do_1", "do_1:", ":B", "do_1:B:C", "do_1:%20", "do_1:%zz", "do 1:B", "do_1:B.1"])
def test_what_is_no_key_is_refused_by_name(key: str) -> None:
    with pytest.raises(InvalidCourseBatch, match="is not a course batch's key"):
        CourseBatch.parse(key)
