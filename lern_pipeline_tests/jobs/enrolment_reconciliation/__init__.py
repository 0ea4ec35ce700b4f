"""enrolment-reconciliation on stores in memory."""
