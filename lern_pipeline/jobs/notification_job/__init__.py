"""notification-job: requests for SMS, mail and push messages are sent, each once (its contract)."""
