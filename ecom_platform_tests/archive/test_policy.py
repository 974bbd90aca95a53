"""Which orders are due, and how a run is cut into tasks, parts and batches."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from pyroaring import BitMap64

from ecom_platform.archive.command import render_plan
from ecom_platform.archive.plan import Plan, PlannedDay
from ecom_platform.archive.policy import Policy, policy_of
from ecom_platform.archive.publish import split_ids
from ecom_platform.archive.purge import batches_by_version
from ecom_platform.durations import format_duration, parse_duration
from ecom_platform.errors import UsageError
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform_tests.kpi.stored import NOW, random_order

POLICY = Policy.at(NOW, timedelta(days=1), timedelta(days=30))


@pytest.mark.parametrize(
    ("status", "age_days", "taken"),
    [
        ("Delivered", 1.1, True),
        ("Returned", 1.1, True),
        ("Cancelled", 1.1, True),
        ("Delivered", 0.9, False),
        ("Pending", 29.9, False),
        ("Shipped", 1.1, False),
        ("Shipped", 30.1, True),
        ("Pending", 30.1, True),
    ],
)
def test_closed_orders_leave_after_a_day_and_open_ones_after_a_month(
    status: str, age_days: float, *, taken: bool
) -> None:
    """Design §3."""
    assert POLICY.takes(status, NOW - timedelta(days=age_days)) is taken


def test_an_order_exactly_at_the_threshold_stays() -> None:
    """Older than a day is more than a day."""
    assert not POLICY.takes("Delivered", NOW - timedelta(days=1))


def test_open_orders_never_leave_before_closed_ones() -> None:
    """A threshold above that of open orders moves both."""
    late = Policy.at(NOW, timedelta(days=60), timedelta(days=30))
    assert not late.takes("Pending", NOW - timedelta(days=45))
    assert not late.takes("Delivered", NOW - timedelta(days=45))
    assert late.takes("Pending", NOW - timedelta(days=61))


def test_the_filter_selects_exactly_what_the_policy_takes(db: MongoDatabase) -> None:
    """For every history an order can have, over 60 days."""
    chance = random.Random(7)
    orders = [random_order(chance, number, days=60) for number in range(500)]
    ensure_schema(db)
    db.orders.insert_many(orders)
    taken = {order["_id"] for order in orders if POLICY.takes(order["delivery"]["status"], order["order_time"])}
    assert {row["_id"] for row in db.orders.find(POLICY.filter())} == taken
    assert taken


def test_a_policy_survives_its_manifest() -> None:
    """A resumed run takes what the crashed one would have taken."""
    assert Policy.from_document(POLICY.to_document()) == POLICY


def test_a_negative_age_is_refused() -> None:
    """It would take orders of the future."""
    with pytest.raises(UsageError, match="negative"):
        policy_of(Settings(_env_file=None), older_than=timedelta(days=-1))


@pytest.mark.parametrize(("text", "seconds"), [("1d", 86_400), ("12h", 43_200), ("90m", 5_400), ("45s", 45), ("0d", 0)])
def test_durations_are_written_as_people_say_them(text: str, seconds: int) -> None:
    """There and back."""
    assert parse_duration(text) == timedelta(seconds=seconds)
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "1", "d", "-1d", "1.5h", "1 d", "1w", "1d2h"])
def test_anything_else_is_no_duration(text: str) -> None:
    """The message shows what is."""
    with pytest.raises(ValueError, match="for example 1d"):
        parse_duration(text)


def test_the_age_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """ECOM_ARCHIVE_OLDER_THAN, as on the command line."""
    monkeypatch.setenv("ECOM_ARCHIVE_OLDER_THAN", "36h")
    settings = Settings(_env_file=None)
    assert policy_of(settings, now=NOW).closed_before == NOW - timedelta(hours=36)
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


def test_a_day_is_one_file_and_a_large_one_several_without_a_gap() -> None:
    """Each slice of a run has a number of its own, which is part of its file's name."""
    from ecom_platform.archive.spark_write import slices

    found = slices([PlannedDay("2026-11-20", 10, 0), PlannedDay("2026-11-21", 250_000, 3)])
    edges = [datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)]
    assert [each.number for each in found] == [0, 1, 2, 3]
    assert (found[0].start, found[0].end) == (edges[0], edges[1])
    assert (found[1].start, found[-1].end) == (edges[1], edges[2])
    assert all(before.end == after.start for before, after in pairwise(found))


@pytest.mark.parametrize(
    ("days", "orders", "tasks"),
    [(1, 60, 1), (200, 60, 8), (546, 128, 8), (2, 100_000, 2), (3, 250_000, 9)],
)
def test_tasks_share_the_orders_and_not_the_days(days: int, orders: int, tasks: int) -> None:
    """A run over many small days has few tasks, and one over large days a task for each file."""
    from ecom_platform.archive.spark_write import shares, slices

    found = slices([PlannedDay(f"{date(2026, 1, 1) + timedelta(number)}", orders, 0) for number in range(days)])
    shared = shares(found, cores=2)
    assert [each for share in shared for each in share] == found
    assert tasks <= len(shared) <= tasks + 1


def test_ids_are_split_into_parts_that_fit_and_hold_each_id_once() -> None:
    """A document holds 16 MB; far fewer here, so that there is something to split."""
    ids = BitMap64(random.Random(3).sample(range(10**12), 500))
    parts = split_ids(ids, limit_bytes=1_000)
    assert all(len(part.serialize()) <= 1_000 for part in parts)
    assert sorted(number for part in parts for number in part) == sorted(ids)
    assert split_ids(BitMap64()) == []


def test_batches_hold_one_version_each_and_every_order_once() -> None:
    """Their size is the longest that the stream may have to wait for."""
    pairs = [(number, 1 + number % 3) for number in range(1_000)]
    batches = list(batches_by_version(iter(pairs), 100))
    assert sorted((number, version) for version, ids in batches for number in ids) == pairs
    assert max(len(ids) for _, ids in batches) == 100


def test_a_plan_can_be_read_before_it_runs() -> None:
    """Per day: orders, about how many MB, and the open orders that stay."""
    text = render_plan(
        Plan(POLICY, (PlannedDay("2026-11-20", 12_000, 34), PlannedDay("2026-11-21", 8_000, 6)), 500), []
    )
    lines = [line.split() for line in text.splitlines()]
    assert ["2026-11-20", "12,000", "6.0", "34"] in lines
    assert ["total", "20,000", "10.0", "40"] in lines
    assert text.startswith(
        "Closed orders older than 1d (placed before 2026-11-22 12:00:30 UTC), open ones older than 30d."
    )


def test_a_plan_without_orders_says_so() -> None:
    """The reason with it."""
    assert "no closed order is old enough" in render_plan(Plan(POLICY, (), 0), [])
