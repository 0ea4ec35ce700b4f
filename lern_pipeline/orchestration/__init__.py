"""The engine on Dagster: assets, lanes, sensors, checks, schedules. The only part that knows Dagster."""
