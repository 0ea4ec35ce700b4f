"""The demo: a sample course from its publication to a learner's certificate request, through Dagster."""
