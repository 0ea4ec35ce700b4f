"""Reading what the course-progress jobs decide on: consumption, enrolments, relation sets, collection status."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

from lern_pipeline.jobs.course_progress.consumption import StoredConsumption
from lern_pipeline.jobs.course_progress.enrolment import EnrolmentKey, StoredEnrolment
from lern_pipeline.jobs.course_progress.progress import RelationSets
from lern_pipeline.jobs.course_progress.rows import table
from lern_pipeline.microbatch.stores import CacheReader, RowReader
from lern_pipeline.settings import JobSettings


def read_consumption(
    rows: RowReader, settings: JobSettings, enrolments: Iterable[EnrolmentKey]
) -> dict[EnrolmentKey, list[StoredConsumption]]:
    """Per enrolment its rows of content consumption; enrolments without any are left out."""
    found: dict[EnrolmentKey, list[StoredConsumption]] = defaultdict(list)
    for user_id, course_id, batch_id, *content in rows.select(
        table(settings, "content_consumption.table"),
        ("userid", "courseid", "batchid", "contentid", "status", "viewcount", "completedcount"),
        equal=("courseid", "batchid"),
        within="userid",
        keys=((enrolment.course_id, enrolment.batch_id, enrolment.user_id) for enrolment in enrolments),
    ):
        found[EnrolmentKey(user_id, course_id, batch_id)].append(StoredConsumption(*content))
    return found


def read_enrolments(
    rows: RowReader, settings: JobSettings, enrolments: Iterable[EnrolmentKey]
) -> dict[EnrolmentKey, StoredEnrolment]:
    """The enrolments that exist."""
    return {
        EnrolmentKey(user_id, course_id, batch_id): StoredEnrolment(status or 0)
        for user_id, course_id, batch_id, status in rows.select(
            table(settings, "user_enrolments.table"),
            ("userid", "courseid", "batchid", "status"),
            equal=("courseid", "batchid"),
            within="userid",
            keys=((enrolment.course_id, enrolment.batch_id, enrolment.user_id) for enrolment in enrolments),
        )
    }


def read_course_sets(caches: CacheReader, settings: JobSettings, course_ids: Iterable[str]) -> RelationSets:
    """Leaf and optional nodes of the courses; units come with :func:`read_unit_sets`."""
    relations = RelationSets({}, {}, {})
    _read_nodes(caches, settings, relations, {(course_id, course_id) for course_id in course_ids})
    return relations


def read_unit_sets(
    caches: CacheReader, settings: JobSettings, relations: RelationSets, contents: Mapping[str, Set[str]]
) -> None:
    """Add to ``relations`` the ancestors of ``contents`` (course id → content ids) and the units' own sets."""
    wanted = {
        f"{course_id}:{content_id}:ancestors": (course_id, content_id)
        for course_id, content_ids in contents.items()
        for content_id in content_ids
    }
    for key, ancestors in caches.sets("redis", _database(settings), wanted).items():
        relations.ancestors[wanted[key]] = ancestors
    units = {
        (course_id, unit_id)
        for course_id, content_ids in contents.items()
        for unit_id in relations.units_above(course_id, content_ids)
    }
    _read_nodes(caches, settings, relations, units)


def _read_nodes(
    caches: CacheReader, settings: JobSettings, relations: RelationSets, nodes: Iterable[tuple[str, str]]
) -> None:
    leafnodes = {f"{course_id}:{node_id}:leafnodes": (course_id, node_id) for course_id, node_id in nodes}
    optionalnodes = {f"{course_id}:{node_id}:optionalnodes": (course_id, node_id) for course_id, node_id in nodes}
    for key, members in caches.sets("redis", _database(settings), [*leafnodes, *optionalnodes]).items():
        if key in leafnodes:
            relations.leafnodes[leafnodes[key]] = members
        else:
            relations.optionalnodes[optionalnodes[key]] = members


def _database(settings: JobSettings) -> int:
    return settings.integer("redis.database.relationCache.id")
