"""activity-aggregate-updater: completed contents become counters, aggregates, enrolment progress and AUDIT events."""
