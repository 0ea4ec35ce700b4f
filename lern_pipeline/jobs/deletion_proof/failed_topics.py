"""Topics of failed events: Kafka removes no single record, so this only tells what is in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lern_pipeline.jobs.deletion_proof.named import Named
from lern_pipeline.jobs.deletion_proof.trace import Trace, counted
from lern_pipeline.microbatch.key import MicroBatchKey, OffsetRange
from lern_pipeline.microbatch.services import Broker, RecordsExpired

UNTIL_RETENTION = "until the topic's retention ends: Kafka removes no single record"
RECORDS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class FailedTopicLog:
    """A topic and where its log starts and ends, by Kafka partition."""

    name: str
    starts: Mapping[int, int]
    ends: Mapping[int, int]

    def parts(self) -> Iterator[MicroBatchKey]:
        """The log, some records at a time."""
        now = datetime.now(UTC)
        for partition, start in self.starts.items():
            for at in range(start, self.ends.get(partition, start), RECORDS_AT_ONCE):
                end = min(at + RECORDS_AT_ONCE, self.ends[partition])
                yield MicroBatchKey.of(now, [OffsetRange(partition, at, end)])


def in_failed_topics(users: Sequence[str], broker: Broker, topics: Sequence[FailedTopicLog]) -> Iterator[Trace]:
    """Failed events that name the users."""
    named = Named(users)
    for topic in topics:
        found: Counter[str] = Counter()
        for part in topic.parts():
            try:
                records = broker.read_with_headers(topic.name, part)
            except RecordsExpired:
                # Removed since: there is nothing in them.
                continue
            for record, headers in records:
                # The headers hold key and value of the event as it came.
                texts = [record.key or b"", record.value or b"", *headers.values()]
                found.update(named.in_bytes(b"\n".join(texts)))
        for user, number in found.items():
            yield Trace(user, f"topic {topic.name}", counted(number, "failed event"), UNTIL_RETENTION)
