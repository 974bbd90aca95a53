"""Moved to `runs.partitions`."""

from ecom_platform.orchestration.runs.partitions import Block as Block  # noqa: PLC0414
from ecom_platform.orchestration.runs.partitions import blocks_of as blocks_of  # noqa: PLC0414
from ecom_platform.orchestration.runs.partitions import demand_partitions as demand_partitions  # noqa: PLC0414
