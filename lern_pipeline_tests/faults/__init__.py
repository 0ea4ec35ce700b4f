"""Crashes, outages and hostile input."""
