"""Moved to `sensor_state`."""

from ecom_platform.orchestration.sensor_state import Watermarks as Watermarks  # noqa: PLC0414
