"""Moved to `resources` and `runs.ending`."""

from ecom_platform.orchestration.resources import Batch as Batch  # noqa: PLC0414
from ecom_platform.orchestration.runs.ending import owner_of as owner_of  # noqa: PLC0414
