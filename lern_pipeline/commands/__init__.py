"""The commands of ``lern-pipeline``, one file each."""
