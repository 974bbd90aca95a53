"""Moved to `runs.requests`."""

from ecom_platform.orchestration.runs.requests import Asking as Asking  # noqa: PLC0414
from ecom_platform.orchestration.runs.requests import Outcome as Outcome  # noqa: PLC0414
