"""enrolment-reconciliation: a learner asks for one enrolment to be recomputed from what is stored."""
