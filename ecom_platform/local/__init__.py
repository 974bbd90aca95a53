"""Kafka, MongoDB and HDFS as plain processes on this machine."""

from __future__ import annotations

from ecom_platform.local.platform import Progress, down, reset, up

__all__ = ["Progress", "down", "reset", "up"]
