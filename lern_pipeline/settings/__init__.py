"""Configuration: every variable under its documented name, from one file or directory and the environment.

    configuration = load_configuration()
    settings = configuration.for_job("activity-aggregate-updater")
    settings.text("kafka.input.topic")

Design section 7; platform contract sections 10, 11 and 13; the *Configuration* section of each job's contract.
"""

from __future__ import annotations

from lern_pipeline.settings.configuration import Configuration, load_configuration
from lern_pipeline.settings.job_settings import EffectiveSetting, JobSettings

__all__ = ["Configuration", "EffectiveSetting", "JobSettings", "load_configuration"]
