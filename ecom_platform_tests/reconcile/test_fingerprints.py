"""Comparing rollups in little memory."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ecom_platform.reconcile.fingerprints import Amounts, Fingerprints, add_stored, is_compared, slice_of
from ecom_platform.store import collections as names

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)

DOCUMENTS = [
    (names.KPI_MINUTE, f"2026-11-23T07:0{minute}/3", f"payment.{payment}.orders", amount)
    for minute in range(5)
    for payment, amount in (("Cash", 3), ("Wallet", -2), ("Card", 0))
]


def fingerprints(parts: list[tuple[str, str, str, int]]) -> Fingerprints:
    """Fold parts one by one."""
    folded = Fingerprints()
    for collection, key, path, amount in parts:
        folded.add(collection, key, [(path, amount)])
    return folded


def test_order_and_partition_of_the_parts_do_not_matter() -> None:
    """3 = 1 + 2, and 0 = nothing."""
    split = [(*where, part) for *where, amount in DOCUMENTS for part in (1, amount - 1)]
    random.Random(4).shuffle(split)

    assert fingerprints(DOCUMENTS).differing(fingerprints(split)) == []


def test_amounts_that_changed_places_are_found_although_the_sum_is_right() -> None:
    """A cent in the wrong bucket is as wrong as a missing one."""
    moved = [*DOCUMENTS, (*DOCUMENTS[0][:3], -1), (*DOCUMENTS[3][:3], 1)]

    assert fingerprints(DOCUMENTS).differing(fingerprints(moved)) == ["kpi_minute 2026-11-23"]


def test_only_the_slice_that_differs_is_named() -> None:
    """So that only it needs to be gathered field by field."""
    other = (names.KPI_CUBE, "P/day/2026-11-22/1/4", "payment.Cash.orders", 1)

    assert fingerprints(DOCUMENTS).differing(fingerprints([*DOCUMENTS, other])) == ["kpi_cube P/day/2026-11-22"]


@pytest.mark.parametrize(
    ("collection", "key", "name"),
    [
        (names.KPI_MINUTE, "2026-11-23T07:00/3", "kpi_minute 2026-11-23"),
        (names.KPI_CUBE, "H/30m/2026-11-23T07:30/3/5", "kpi_cube H/30m/2026-11-23"),
        (names.KPI_CUBE, "P/day/2026-11-23/3/5", "kpi_cube P/day/2026-11-23"),
        (names.KPI_PRODUCT, "hour/2026-11-23T07/3/0", "kpi_product hour/2026-11-23"),
        (names.STOCK, "3/0", "stock"),
    ],
)
def test_a_slice_is_a_grain_of_a_day(collection: str, key: str, name: str) -> None:
    """Of every rollup."""
    assert slice_of(collection, key) == name


def test_the_amounts_that_differ_are_named_with_both_values() -> None:
    """A field that is absent counts as zero."""
    here, there = Amounts({"stock"}), Amounts({"stock"})
    here.add(names.STOCK, "3/0", [("products.1.shipped", 4), ("products.2.shipped", 1)])
    there.add(names.STOCK, "3/0", [("products.1.shipped", 5), ("products.2.shipped", 1)])
    there.add(names.KPI_MINUTE, "2026-11-23T07:00/3", [("city.Graz.orders", 1)])

    assert here.differing(there) == [("stock 3/0 products.1.shipped", 4, 5)]


def test_every_nested_amount_of_a_stored_document_counts_and_nothing_else() -> None:
    """Ids and times are no amounts."""
    amounts = Amounts({"kpi_cube P/day/2026-11-23"})
    document: dict[str, Any] = {
        "_id": "P/day/2026-11-23/3/5/1", "warehouse_id": 3, "partition": 1, "t": NOW,
        "payment": {"Cash": {"orders": 2, "status": {"Pending": 2}}}, "city": {"Graz": {"orders": 2}},
    }  # fmt: skip
    add_stored(amounts, names.KPI_CUBE, document)

    assert {path.split()[-1]: amount for (_, path), amount in amounts.values.items()} == {
        "payment.Cash.orders": 2,
        "payment.Cash.status.Pending": 2,
        "city.Graz.orders": 2,
    }


@pytest.mark.parametrize(
    ("collection", "grain", "age", "compared"),
    [
        (names.KPI_MINUTE, None, timedelta(days=3), True),
        (names.KPI_MINUTE, None, timedelta(days=3, minutes=1), False),
        (names.KPI_CUBE, "30m", timedelta(days=8), True),
        (names.KPI_CUBE, "30m", timedelta(days=8, minutes=30), False),
        (names.KPI_CUBE, "day", timedelta(days=900), True),
        (names.KPI_PRODUCT, "hour", timedelta(days=8, hours=1), False),
        (names.STOCK, None, timedelta(0), True),
    ],
)
def test_buckets_past_their_retention_are_left_out(
    collection: str, grain: str | None, age: timedelta, compared: bool
) -> None:
    """The server may have deleted them already."""
    assert is_compared(collection, {"grain": grain, "t": NOW - age}, NOW) is compared
