"""assessment-aggregator: a learner's answers become attempts, and the attempts their best scores."""
