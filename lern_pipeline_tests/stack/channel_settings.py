"""Settings of notification-job for tests of its channels."""

from __future__ import annotations

from lern_pipeline.settings import JobSettings, load_configuration
from lern_pipeline.settings.variable import environment_name


def channel_settings(**values: object) -> JobSettings:
    """The documented defaults, and these by documented name."""
    environment = {environment_name(name): str(value) for name, value in values.items()}
    return load_configuration(None, environment).for_job("notification-job")
