"""The job's decision: events and state → attempts, aggregates, certificate requests, failed events
(contract assessment-aggregator 4, 7–10). Pure: no clock, no I/O, no random.

**What a crash leaves out (D3).** A plan holds attempts, aggregates and requests together, and a stored plan is carried
out to its end: in this pipeline stage 2 cannot be lost. Two cases remain. The existing job may have stored an attempt
and died before its stage 2, and the event is read again at the change-over: an event that is stored already (equal
``assessmentTs``) whose aggregates do not show it is not a plain duplicate, and stage 2 is done for it; where they show
it, it is skipped. And an applied batch may be run again by an operator: events that it counted as accepted are
accepted again, so that rows and aggregates are put right, while requests that were published are not sent twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lern_pipeline.events.course_progress import certificate_request
from lern_pipeline.events.record import Position
from lern_pipeline.jobs.assessment_aggregator.aggregates import AggregateWrites, aggregates, content_scores
from lern_pipeline.jobs.assessment_aggregator.assessment_event import (
    AggregateKey,
    AssessmentEvent,
    Attempt,
    Recompute,
    Refusal,
)
from lern_pipeline.jobs.assessment_aggregator.attempts import AttemptRow, AttemptWrites, Comparison, compare
from lern_pipeline.jobs.assessment_aggregator.failed_events import AGGREGATE, UNCHANGED
from lern_pipeline.jobs.assessment_aggregator.state import AssessmentState, aggregates_table, attempts_table, belongs
from lern_pipeline.jobs.assessment_aggregator.total_questions import answered_total, says_ok
from lern_pipeline.microbatch.job import Decision, Event, Failure, Moment
from lern_pipeline.microbatch.plan import Message
from lern_pipeline.microbatch.service_readers import ContentAnswer
from lern_pipeline.settings import JobSettings

TOO_MANY_QUESTIONS = "more questions than the content has"

#: Metrics of the contract (13) that are not figures of the account.
METRICS = (
    "db-update-count",
    "batch-success-event-count",
    "db-read-count",
    "cache-hit-count",
    "cache-hit-miss-count",
    "api-hit-success-count",
    "api-hit-failed-count",
    "recompute-agg-event-count",
    "db-score-read-count",
    "db-score-update-count",
    "cert-issue-events-count",
)


def decide(
    events: Sequence[Event[AssessmentEvent]], state: AssessmentState, settings: JobSettings, moment: Moment
) -> Decision:
    """What this micro-batch changes."""
    return _Decider(state, settings, moment).decide(events)


class _Decider:
    """Takes the events one after the other, as the existing job does; stage 2 follows once per aggregate key."""

    def __init__(self, state: AssessmentState, settings: JobSettings, moment: Moment) -> None:
        self.state = state
        self.moment = moment
        self.counts_questions = settings.flag("assessment.skip.missingRecords")
        self.details_type = settings.text("user.activity.agg.type")
        self.certificate_topic = settings.text("kafka.output.certissue.topic")
        now, write_time = moment.now_ms, moment.write_time_us
        self.attempts = AttemptWrites(attempts_table(settings), state.question_fields, now, write_time)
        self.aggregates = AggregateWrites(aggregates_table(settings), now, write_time)
        #: Attempts as they are after the events seen so far.
        self.rows = {key: dict(rows) for key, rows in state.attempts.items()}
        #: Aggregate keys for stage 2 → the first event that asks for it, and how many do.
        self.stage_2: dict[AggregateKey, Position] = {}
        self.stage_2_events: Counter[AggregateKey] = Counter()
        self.metrics: Counter[str] = Counter(dict.fromkeys(METRICS, 0))
        self.decision = Decision(warnings=list(state.warnings))

    def decide(self, events: Sequence[Event[AssessmentEvent]]) -> Decision:
        for event in events:
            failure = self._stage_1(event)
            if failure is not None:
                self.decision.failed[event.position] = failure
        for key, position in self.stage_2.items():
            self._stage_2(key, position)
        decision = self.decision
        decision.rows = [self.attempts.writes, self.aggregates.writes]
        decision.metrics = {name: float(count) for name, count in self.metrics.items()}
        return decision

    # --- stage 1, in the order of contract 4

    def _stage_1(self, event: Event[AssessmentEvent]) -> Failure | None:
        work = event.work
        leaf_nodes = self.state.leaf_nodes[work.course_id]
        belonging = belongs(work, leaf_nodes)
        if belonging is None:
            return Failure("the course's leaf nodes are not a set")
        self.metrics["cache-hit-count" if leaf_nodes else "cache-hit-miss-count"] += 1
        if not belonging:
            return Failure("content not in the course", kind=UNCHANGED)
        if self.counts_questions and work.unique_questions is not None:
            failure = self._count_questions(work.content_id, work.unique_questions)
            if failure is not None:
                return failure
        asks_for = work.asks_for
        if isinstance(asks_for, Refusal):
            # Kind D: a request to compute again, which fails only now.
            self.metrics["recompute-agg-event-count"] += asks_for.kind == AGGREGATE
            return Failure(asks_for.reason, asks_for.code, asks_for.kind)
        if not work.course_id and self.state.course_is_partition_key:
            return Failure("courseId is empty", "INVALID_DATA")
        if isinstance(asks_for, Recompute):
            self.metrics["recompute-agg-event-count"] += 1
            self._ask_for_stage_2(asks_for.aggregate, event.position)
            return None
        return self._attempt(event.position, work.content_id, asks_for)

    def _count_questions(self, content_id: str, unique_questions: int) -> Failure | None:
        """Step 4: fewer questions than the content has are accepted (D14)."""
        self.metrics["cache-hit-count"] += 1
        total: int | Failure | None = self.state.cached_totals[content_id]
        if total == 0:
            self.metrics["cache-hit-miss-count"] += 1
            answer = self.state.contents[content_id]
            if says_ok(answer):
                self.metrics["api-hit-success-count"] += 1
            elif isinstance(answer, ContentAnswer):
                self.metrics["api-hit-failed-count"] += 1
            total = answered_total(content_id, answer)
        if isinstance(total, Failure):
            return total
        if total is not None and unique_questions > total:
            return Failure(TOO_MANY_QUESTIONS, kind=UNCHANGED)
        return None

    def _attempt(self, position: Position, content_id: str, attempt: Attempt) -> Failure | None:
        """Step 6."""
        rows = self.rows[attempt.aggregate]
        row = rows.get((content_id, attempt.attempt_id))
        if row is not None:
            self.metrics["db-read-count"] += 1
        comparison = compare(attempt.assessment_ts, row)
        if comparison is Comparison.NEWER:
            if row is not None and row.created_on is None:
                return Failure("the stored attempt has no created_on")
            self._accept(position, content_id, attempt, row)
        elif comparison is Comparison.EQUAL and _stored_unit(position) in self.moment.counted:
            self._accept(position, content_id, attempt, row)
        elif self._asks_for_stage_2_alone(position, content_id, attempt, comparison):
            self.decision.counted.append(_aggregated_unit(position))
            self._ask_for_stage_2(attempt.aggregate, position)
        else:
            self.decision.skipped[position] = "not newer than the stored attempt"
        return None

    def _asks_for_stage_2_alone(
        self, position: Position, content_id: str, attempt: Attempt, comparison: Comparison
    ) -> bool:
        """A kind-D event fed in again, an event whose stage 2 was left out, or one that an earlier plan of this very
        batch took; a newer attempt that came since then stays."""
        return (
            attempt.redo_aggregates
            or not self.moment.counted.isdisjoint((_stored_unit(position), _aggregated_unit(position)))
            or (comparison is Comparison.EQUAL and self._left_out_stage_2(content_id, attempt.aggregate))
        )

    def _accept(self, position: Position, content_id: str, attempt: Attempt, row: AttemptRow | None) -> None:
        created_on = row.created_on if row is not None and row.created_on is not None else self.moment.now_ms
        self.attempts.add(content_id, attempt, created_on)
        self.rows[attempt.aggregate][content_id, attempt.attempt_id] = AttemptRow(
            attempt.assessment_ts, created_on, attempt.total_score, attempt.total_max_score
        )
        self.metrics["db-update-count"] += 1
        self.metrics["batch-success-event-count"] += 1
        self.decision.counted.append(_stored_unit(position))
        self._ask_for_stage_2(attempt.aggregate, position)

    def _left_out_stage_2(self, content_id: str, key: AggregateKey) -> bool:
        """Whether the stored aggregates do not show the stored attempts of the content, and nothing in this batch
        puts that right already."""
        if key in self.stage_2:
            return False
        stored = self.state.aggregates.get(key, {})
        attempts = self.state.attempts[key]
        of_content = [attempts[at] for at in sorted(attempts) if at[0] == content_id]
        expected = content_scores(content_id, of_content)
        return any(stored.get(name) != score for name, score in expected.items())

    # --- stage 2

    def _ask_for_stage_2(self, key: AggregateKey, position: Position) -> None:
        self.stage_2.setdefault(key, position)
        self.stage_2_events[key] += 1

    def _stage_2(self, key: AggregateKey, position: Position) -> None:
        """Aggregates of all attempts, those of this batch among them, and one request for the certificate (9)."""
        rows = self.rows[key]
        computed = aggregates(rows, self.details_type)
        self.metrics["db-score-read-count"] += self.stage_2_events[key]
        if rows:
            self.metrics["db-score-update-count"] += self.stage_2_events[key]
            self.aggregates.add(key, computed)
        self.metrics["cert-issue-events-count"] += 1
        user_id, course_id, batch_id = key
        self.decision.messages.append(
            Message(
                f"certificate|{position}|{user_id}|{course_id}|{batch_id}",
                self.certificate_topic,
                certificate_request(
                    self.moment.ids,
                    position,
                    user_id,
                    course_id,
                    batch_id,
                    self.moment.now_ms,
                    attempt_id=computed.attempt_id,
                ),
            )
        )


def _stored_unit(position: Position) -> str:
    """What :attr:`Decision.counted` says of an event whose attempt was stored."""
    return f"stored {position}"


def _aggregated_unit(position: Position) -> str:
    """What it says of an event that made stage 2 run without storing an attempt."""
    return f"aggregated {position}"
