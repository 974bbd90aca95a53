"""Kafka, MongoDB and HDFS as plain processes on this machine."""

from __future__ import annotations

from ecom_platform.local.doctor import doctor
from ecom_platform.local.platform import down, reset, up
from ecom_platform.local.status import status

__all__ = ["doctor", "down", "reset", "status", "up"]
