"""Days as ranges of partitions."""

from __future__ import annotations

from datetime import date

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.orchestration.runs.partitions import Block, blocks_of, demand_partitions


def test_days_without_a_gap_are_one_block() -> None:
    """Over the end of a month and a leap day, in any order."""
    days = ["2024-03-01", "2024-02-28", "2024-02-29", "2024-03-03", "2024-02-28"]

    assert blocks_of(days) == [Block("2024-02-28", "2024-03-01"), Block("2024-03-03", "2024-03-03")]
    assert blocks_of([]) == []


def test_a_long_block_is_cut() -> None:
    """One run takes no more than its share."""
    days = [f"2026-01-{day:02}" for day in range(1, 32)]

    assert [str(block) for block in blocks_of(days, longest=20)] == ["2026-01-01..2026-01-20", "2026-01-21..2026-01-31"]


def test_days_before_the_first_partition_are_refused_with_the_setting_to_change() -> None:
    """Silently leaving them out would keep them in MongoDB for ever."""
    demand_partitions(["2026-01-01"], date(2026, 1, 1))

    with pytest.raises(ConfigurationError, match=r"ECOM_HISTORY_START .*Set it to 2025-12-31"):
        demand_partitions(["2026-01-01", "2025-12-31"], date(2026, 1, 1))
