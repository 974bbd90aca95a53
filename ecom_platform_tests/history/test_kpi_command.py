"""`ecom kpi`: what it prints."""

from __future__ import annotations

import json
import random
from functools import partial

import pytest

from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, ensure_schema
from ecom_platform_tests.archive import handmade
from ecom_platform_tests.conftest import Ecom
from ecom_platform_tests.kpi.stored import random_order

KEYS = (
    *("from", "to", "filters", "orders", "valid_orders", "booked_cents", "revenue_cents", "discount_cents", "units"),
    *("aov_cents", "by_status", "by_payment_type", "by_category", "by_warehouse", "by_courier", "by_location"),
    *("top_products", "promise", "delivery_delay_seconds", "sources"),
)
RANGE = ("--from", "2026-11-11", "--to", "2026-11-24T00:00:00Z", "--as-of", "2026-11-20")


@pytest.fixture
def ecom(ecom: Ecom) -> Ecom:
    """`ecom kpi` over the test's database: exit code, stdout, stderr."""
    return partial(ecom, "kpi")


@pytest.fixture
def orders(db: MongoDatabase) -> None:
    """A hundred orders, hot."""
    ensure_schema(db)
    chance = random.Random(3)
    db.orders.insert_many([random_order(chance, number, days=2) for number in range(1, 101)])


def test_the_answer_is_one_line_that_archiving_does_not_change(
    ecom: Ecom, settings: Settings, db: MongoDatabase, orders: None
) -> None:
    """All keys of the contract; `sources` aside, the same text before and after."""
    code, before, _ = ecom(*RANGE, "--json")
    handmade.archive(settings, db, range(1, 61))
    _, after, _ = ecom(*RANGE, "--json")

    assert code == 0
    assert before.count("\n") == 1
    first, second = json.loads(before), json.loads(after)
    assert set(KEYS) <= set(first)
    assert first.pop("sources") == {"hot_orders": 100, "cold_orders": 0, "late_events": 0}
    assert second.pop("sources") == {"hot_orders": 40, "cold_orders": 60, "late_events": 0}
    assert json.dumps(first) == json.dumps(second)
    assert first["orders"] == 100


def test_without_json_it_is_a_table(ecom: Ecom, orders: None) -> None:
    """With the filters that a part is without."""
    code, text, _ = ecom(*RANGE, "--category", "Books", "--warehouse", "1", "--warehouse", "2", "--payment", "Cash")

    assert code == 0
    assert "only warehouse 1 or 2, category Books, payment Cash" in text
    assert "without the filter of category or payment: by_location" in text
    assert "revenue " in text
    assert "USD" in text


def test_an_empty_shop_is_zeros(ecom: Ecom, db: MongoDatabase) -> None:
    """No orders, no archive, no averages."""
    code, text, _ = ecom(*RANGE, "--json")

    answer = json.loads(text)
    assert code == 0
    assert (answer["orders"], answer["aov_cents"], answer["delivery_delay_seconds"]["p50"]) == (0, None, None)
    assert ecom(*RANGE)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "soon"), "neither a date"),
        (("--from", "2026-11-20", "--to", "2026-11-19"), "must be before"),
        (("--payment", "Barter"), "does not exist"),
        (("--warehouse", "north"), "is no id"),
    ],
)
def test_bad_input_is_a_usage_error(command_line: Ecom, arguments: tuple[str, ...], said: str) -> None:
    """Exit code 2 and one sentence, before any server is asked."""
    done = command_line("kpi", *arguments)

    assert done.code == 2
    assert said in done.err


NASTY = ('{"$ne": null}', "$gt", '["Books", "Toys"]', "Books' || '1'=='1", "Books\x00", ".*", "x" * 100_000)


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_a_filter_is_compared_and_never_run(ecom: Ecom, orders: None, value: str) -> None:
    """All that looks like a query, a pattern or a list is a category without products."""
    code, said, complaint = ecom(*RANGE, "--category", value, "--json")

    assert code == 0, complaint
    assert json.loads(said)["orders"] == 0


@pytest.mark.parametrize("option", ["--payment", "--warehouse", "--courier"])
@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_a_filter_that_has_a_type_takes_nothing_else(command_line: Ecom, option: str, value: str) -> None:
    """It is refused before any server is asked."""
    done = command_line("kpi", option, value)

    assert done.code == 2
    assert option in done.err
