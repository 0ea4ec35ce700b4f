"""Tests, in the layout of the package."""

from hypothesis import HealthCheck, settings

# A busy machine is no failure: neither a slow example nor slow data generation.
settings.register_profile("lern_pipeline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lern_pipeline")
