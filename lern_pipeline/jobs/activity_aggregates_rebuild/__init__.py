"""activity_aggregates_rebuild: every learner of a course batch is recomputed from content consumption, on request.

The rules are those of enrolment-reconciliation, without an event that asks: what it says of one enrolment holds here
for each of the batch's.
"""
