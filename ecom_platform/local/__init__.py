"""Kafka, MongoDB and HDFS as plain processes on this machine."""

from __future__ import annotations

from ecom_platform.local.doctor import Finding, doctor
from ecom_platform.local.platform import Progress, down, reset, up
from ecom_platform.local.status import status

__all__ = ["Finding", "Progress", "doctor", "down", "reset", "status", "up"]
