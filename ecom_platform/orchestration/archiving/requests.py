"""What may be archived now, as requests for runs over ranges of days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import dagster as dg

from ecom_platform.orchestration.names import ARCHIVE_JOB
from ecom_platform.orchestration.runs.partitions import Block, blocks_of, demand_partitions
from ecom_platform.orchestration.runs.requests import ARCHIVE_FIRST, run_request
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase

if TYPE_CHECKING:
    from ecom_platform.archive.plan import Plan


@dataclass(frozen=True, slots=True)
class Eligible:
    """Blocks of days with orders to take, oldest first, and about how many bytes of MongoDB they hold."""

    blocks: tuple[Block, ...]
    orders: int
    bytes: int


def read_eligible(settings: Settings, db: MongoDatabase) -> Eligible:
    """Ask the planner. Raises UnavailableError; ConfigurationError for days without a partition."""
    from ecom_platform.archive.plan import read_plan
    from ecom_platform.archive.policy import policy_of

    plan: Plan = read_plan(db, policy_of(settings))
    days = [day.day for day in plan.days]
    demand_partitions(days, settings.history_start)
    return Eligible(tuple(blocks_of(days)), plan.orders, plan.bytes)


def archive_request(key: str, block: Block) -> dg.RunRequest:
    """A run that archives what may be archived of a block of days."""
    return run_request(key, {**ARCHIVE_FIRST, **block.tags}, part=str(block), job=ARCHIVE_JOB)
