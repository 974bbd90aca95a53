"""The documents that contributions become."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from ecom_platform.kpi import Increment, contribution
from ecom_platform_tests.kpi.stored import NOW, Document, random_order, rollups_of
from ecom_platform_tests.oracle.rollups import naive_rollups


def folded(orders: list[Document]) -> list[Increment]:
    """The increments of some orders folded together."""
    return rollups_of(orders).increments(0, NOW)


def some_orders(seed: int, days: int = 12) -> list[Document]:
    """Two hundred orders in any state."""
    chance = random.Random(seed)
    return [random_order(chance, order_id, days=days) for order_id in range(200)]


@pytest.mark.parametrize("seed", range(5))
def test_how_orders_are_cut_into_chunks_does_not_matter(seed: int) -> None:
    """Increments of chunks of any size sum to those of all orders at once."""
    orders = some_orders(seed)
    chance = random.Random(seed)
    summed: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    start = 0
    while start < len(orders):
        end = start + chance.randint(1, 60)
        for increment in folded(orders[start:end]):
            summed[increment.collection, increment.id].update(increment.amounts)
        start = end

    assert {key: dict(amounts) for key, amounts in summed.items()} == naive_rollups(orders, 0, NOW)


@pytest.mark.parametrize(
    ("collection", "fine", "prefixes"), [("kpi_cube", "30m", ("P", "D", "H")), ("kpi_product", "hour", ("",))]
)
def test_fine_buckets_sum_to_days(collection: str, fine: str, prefixes: tuple[str, ...]) -> None:
    """Within the retention of the fine grain both tell the same, so screens may read either."""
    increments = [i for i in folded(some_orders(1, days=2)) if i.collection == collection]
    by_grain: dict[str, defaultdict[str, Counter[str]]] = {fine: defaultdict(Counter), "day": defaultdict(Counter)}
    for increment in increments:
        start, day = increment.start, f"{increment.start['t']:%Y-%m-%d}"
        rest = (start.get("basis", ""), day, start["warehouse_id"], start.get("courier_id"), start.get("block"))
        by_grain[start["grain"]][str(rest)].update(increment.amounts)

    assert by_grain[fine] == by_grain["day"]
    assert {increment.start.get("basis", "") for increment in increments} == set(prefixes)


@pytest.mark.parametrize(
    ("age", "kept"),
    [
        (timedelta(days=2), {"kpi_minute", "30m", "hour", "day"}),
        (timedelta(days=4), {"30m", "hour", "day"}),
        (timedelta(days=9), {"day"}),
        (timedelta(days=900), {"day"}),
    ],
)
def test_only_fine_grains_expire(age: timedelta, kept: set[str]) -> None:
    """A late change to an old order still reaches its day; dropped buckets never come back as fragments."""
    order = random_order(random.Random(1), 1, ("Pending",))
    order["order_time"] = NOW - age
    order["delivery"] |= {"expected_time": NOW - age, "history": [{"status": "Pending", "at": NOW - age}]}
    increments = folded([order])

    assert {i.start.get("grain", i.collection) for i in increments if i.collection != "stock"} == kept
    assert [i for i in increments if i.collection == "stock"]


def test_the_edge_of_retention_is_the_start_of_the_bucket() -> None:
    """A bucket that began exactly three days ago still counts; one minute earlier it is gone."""
    order = random_order(random.Random(1), 1, ("Pending",))
    edge = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
    rollups = contribution({**order, "order_time": edge})

    assert [i for i in rollups.increments(0, edge + timedelta(days=3)) if i.collection == "kpi_minute"]
    assert not [i for i in rollups.increments(0, edge + timedelta(days=3, minutes=1)) if i.collection == "kpi_minute"]


def test_documents_start_with_what_their_ids_say() -> None:
    """Readers and indexes use the fields; the `_id` is made of the same values."""
    for increment in folded(some_orders(2)):
        start = increment.start
        if increment.collection == "kpi_minute":
            parts = [f"{start['t']:%Y-%m-%dT%H:%M}", start["warehouse_id"], start["partition"]]
        elif increment.collection == "stock":
            parts = [start["warehouse_id"], start["block"], start["partition"]]
        else:
            form = {"30m": "%Y-%m-%dT%H:%M", "hour": "%Y-%m-%dT%H", "day": "%Y-%m-%d"}[start["grain"]]
            entity = [start["block"]] if increment.collection == "kpi_product" else [start["courier_id"]]
            basis = [start["basis"]] if "basis" in start else []
            bucket = f"{start['t']:{form}}"
            parts = [*basis, start["grain"], bucket, start["warehouse_id"], *entity, start["partition"]]
        assert increment.id == "/".join(map(str, parts))
        assert ("expires_at" in start) == (start.get("grain") in ("30m", "hour"))


def test_increments_come_in_a_stable_order() -> None:
    """Two attempts write alike, and two tasks lock documents in the same order."""
    orders = some_orders(4)
    backwards = folded(orders[::-1])

    assert [(i.collection, i.id) for i in backwards] == [(i.collection, i.id) for i in folded(orders)]
    assert [(i.collection, i.id) for i in backwards] == sorted((i.collection, i.id) for i in backwards)
