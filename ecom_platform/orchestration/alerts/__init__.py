"""The alert rules under Dagster: evaluated by a sensor, told as asset checks."""
