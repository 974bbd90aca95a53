"""Moved to `runs.requests`."""

from ecom_platform.orchestration.runs.requests import history_is_loading as history_is_loading  # noqa: PLC0414
