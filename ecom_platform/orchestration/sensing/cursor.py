"""Moved to `sensor_state`."""

from ecom_platform.orchestration.sensor_state import Remembered as Remembered  # noqa: PLC0414
