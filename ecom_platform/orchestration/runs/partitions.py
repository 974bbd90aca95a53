"""Days as partitions: which there are, and as ranges that one run takes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Final

import dagster as dg

from ecom_platform.errors import ConfigurationError
from ecom_platform.settings import load_settings

LONGEST_BLOCK_DAYS: Final = 60


@cache
def archive_days() -> dg.DailyPartitionsDefinition:
    """UTC days that are over."""
    return dg.DailyPartitionsDefinition(start_date=load_settings().history_start.isoformat(), end_offset=0)


@cache
def kpi_days() -> dg.DailyPartitionsDefinition:
    """UTC days, today included."""
    return dg.DailyPartitionsDefinition(start_date=load_settings().history_start.isoformat(), end_offset=1)


def same_day_once_over() -> dg.TimeWindowPartitionMapping:
    """From a day of figures to the same day of the archive, and to none for today.

    Without it, Dagster refuses every backfill of figures that includes today.
    """
    with warnings.catch_warnings():
        # A parameter in beta; versions are locked, and a test runs such a backfill.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.TimeWindowPartitionMapping(allow_nonexistent_upstream_partitions=True)


@dataclass(frozen=True, slots=True, order=True)
class Block:
    """UTC days from `first` to `last`, both included, as YYYY-MM-DD."""

    first: str
    last: str

    @property
    def days(self) -> list[str]:
        """Every day of the block."""
        first = date.fromisoformat(self.first)
        count = (date.fromisoformat(self.last) - first).days + 1
        return [(first + timedelta(days=number)).isoformat() for number in range(count)]

    @property
    def tags(self) -> dict[str, str]:
        """The tags of a run for these partitions."""
        return {"dagster/asset_partition_range_start": self.first, "dagster/asset_partition_range_end": self.last}

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first}..{self.last}"


def blocks_of(days: Iterable[str], longest: int = LONGEST_BLOCK_DAYS) -> list[Block]:
    """The days as blocks without a gap, oldest first, none longer than `longest` days."""
    blocks: list[list[date]] = []
    for day in sorted({date.fromisoformat(day) for day in days}):
        if blocks and day - blocks[-1][-1] == timedelta(days=1) and len(blocks[-1]) < longest:
            blocks[-1].append(day)
        else:
            blocks.append([day])
    return [Block(block[0].isoformat(), block[-1].isoformat()) for block in blocks]


def demand_partitions(days: Iterable[str], history_start: date) -> None:
    """Raise ConfigurationError for days before the first partition, which no run can be asked for."""
    if older := sorted(day for day in days if day < history_start.isoformat()):
        raise ConfigurationError(
            f"{len(older)} days with orders, the first {older[0]}, are older than ECOM_HISTORY_START "
            f"({history_start}), the first partition. Nothing was requested. Set it to {older[0]} and start again."
        )
