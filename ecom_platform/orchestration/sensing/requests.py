"""Moved to `runs.requests`."""

from ecom_platform.orchestration.runs.requests import ARCHIVE_FIRST as ARCHIVE_FIRST  # noqa: PLC0414
from ecom_platform.orchestration.runs.requests import outcome_of as outcome_of  # noqa: PLC0414
from ecom_platform.orchestration.runs.requests import run_request as run_request  # noqa: PLC0414
