"""The engine every job stands on: keys, planner, plan, store, run, accounting. Knows no Dagster."""
