"""What the rules say of an instant, at and around each limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import accumulate

import pytest

from ecom_platform.alerts.chance import at_least, at_most
from ecom_platform.alerts.facts import Bucket, Facts, Promises, Usual, closed_buckets, earlier_half_hours
from ecom_platform.alerts.rules import SHOP, Reading, Rule, Watched, judge

NOW = datetime(2026, 11, 23, 10, 2, tzinfo=UTC)
START = datetime(2026, 11, 23, 9, 55, tzinfo=UTC)
HALF_HOUR = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
# 300 orders, 30,000 cents each, in every five minutes of three earlier days.
USUAL = Usual((1_800, 1_800, 1_800), (54_000_000,) * 3)


def facts(**changes: object) -> Facts:
    """An ordinary instant with one closed bucket."""
    ordinary = Bucket(START, orders=300, booked_cents=9_000_000, events=900)
    return replace(Facts(NOW, NOW, buckets=(ordinary,), usual={HALF_HOUR: USUAL}), **changes)


def reading(seen: Facts, rule: Rule, entity: str = SHOP, watched: Watched | None = None) -> Reading | None:
    """The one reading of a rule about an entity, if there is any."""
    found = [one for one in judge(seen, watched or Watched()) if (one.rule, one.entity) == (rule, entity)]
    assert len(found) < 2
    return found[0] if found else None


def verdict(seen: Facts, rule: Rule, entity: str = SHOP, watched: Watched | None = None) -> bool | None:
    """What the rule says; it must say something."""
    found = reading(seen, rule, entity, watched)
    assert found is not None
    return found.bad


def below(mean: int) -> list[Decimal]:
    """P(X < count) for count = 0, 1, 2, …, summed with 60 digits."""
    with localcontext(prec=60):
        term, terms = (-Decimal(mean)).exp(), []
        for count in range(4 * mean + 200):
            terms.append(term)
            term = term * mean / (count + 1)
        return [Decimal(0), *accumulate(terms)]


@pytest.mark.parametrize(("count", "mean"), [(0, 3), (3, 3), (9, 3), (1, 40), (40, 40), (75, 40), (0, 0), (2, 0)])
def test_tails_are_those_of_sums_with_many_digits(count: int, mean: int) -> None:
    """Both tails, at, below and above the mean."""
    sums = below(mean)

    assert at_most(count, mean) == pytest.approx(float(sums[count + 1]), rel=1e-9)
    assert at_least(count, mean) == pytest.approx(float(1 - sums[count]), rel=1e-9)


def with_orders(orders: int) -> Facts:
    """A bucket with so many orders, of the usual value."""
    return facts(buckets=(Bucket(START, orders=orders, booked_cents=orders * 30_000, events=900),))


def test_orders_are_unusual_where_chance_gives_them_less_than_once_in_ten_thousand() -> None:
    """
    300 are usual; days differ by a quarter, so 375 may be expected, or 225. The first counts beyond chance are found
    by summing with many digits.
    """
    rare = Decimal("1e-4")
    high = next(n for n, sum_below in enumerate(below(375)) if n > 375 and 1 - sum_below < rare)
    low = max(n for n, sum_below in enumerate(below(225)[1:]) if sum_below < rare)

    assert [verdict(with_orders(n), Rule.ORDERS_HIGH) for n in (300, high - 1, high)] == [False, False, True]
    assert [verdict(with_orders(n), Rule.ORDERS_LOW) for n in (300, low + 1, low)] == [False, False, True]
    assert verdict(with_orders(0), Rule.ORDERS_LOW)
    told = reading(with_orders(high), Rule.ORDERS_HIGH)
    assert told is not None
    assert (told.value, told.usual, told.since, told.at) == (high / 5, 60.0, START, START + 5 * MINUTE)


@pytest.mark.parametrize("rule", [Rule.ORDERS_HIGH, Rule.ORDERS_LOW, Rule.ORDER_VALUE_HIGH, Rule.ORDER_VALUE_LOW])
def test_seasonal_rules_are_silent_until_the_same_half_hour_exists_on_three_days(rule: Rule) -> None:
    """Two days are no season, with any figures."""
    two = {HALF_HOUR: Usual((1_800, 1_800), (54_000_000,) * 2)}

    assert reading(replace(with_orders(5_000), usual=two), rule) is None
    assert reading(replace(with_orders(5_000), usual={}), rule) is None
    assert reading(with_orders(5_000), rule) is not None


def test_one_extraordinary_day_does_not_move_what_is_usual() -> None:
    """The middle day counts: after a Black Friday, its like is still noticed."""
    usual = {HALF_HOUR: Usual((5_400, 1_800, 1_800), (1, 1, 1))}

    assert verdict(replace(with_orders(900), usual=usual), Rule.ORDERS_HIGH)


def test_the_average_order_is_judged_by_its_ratio_to_the_usual_one() -> None:
    """
    Of 300 orders the average is unusual from (1 + 0.15)(1 + 4 · 1.5 ÷ √300) times the usual on, or below one over it;
    with fewer than 100 orders it can only be found good.
    """
    ratio = 1.15 * (1 + 6 / 300**0.5)
    just_above, just_below = int(30_000 * ratio * 300) + 1, int(30_000 / ratio * 300)
    for cents, high, low in (
        (9_000_000, False, False),
        (just_above - 1, False, False),
        (just_above, True, False),
        (just_below + 1, False, False),
        (just_below, False, True),
    ):
        seen = facts(buckets=(Bucket(START, orders=300, booked_cents=cents),))
        assert (verdict(seen, Rule.ORDER_VALUE_HIGH), verdict(seen, Rule.ORDER_VALUE_LOW)) == (high, low)

    few = facts(buckets=(Bucket(START, orders=99, booked_cents=99 * 90_000),))
    assert (verdict(few, Rule.ORDER_VALUE_HIGH), verdict(few, Rule.ORDER_VALUE_LOW)) == (None, False)


@pytest.mark.parametrize(
    ("dead", "events", "bad"),
    [(0, 900, False), (5, 500, True), (5, 501, False), (4, 100, False), (5, 5, True), (0, 0, False)],
)
def test_dead_letters_are_bad_from_five_and_one_per_cent_on(dead: int, events: int, bad: bool) -> None:
    """Both are needed: one broken message in a quiet night is no incident."""
    assert verdict(facts(buckets=(Bucket(START, events=events, dead=dead),)), Rule.DEAD_LETTERS) is bad


@pytest.mark.parametrize(
    ("due", "late", "bad"),
    [
        (30, 12, True),
        (30, 11, False),
        (29, 29, None),
        (29, 11, False),
        (0, 0, None),
        (100, 40, True),
        (1_000, 399, False),
    ],
)
def test_a_courier_is_late_from_two_fifths_of_thirty_on(due: int, late: int, bad: bool | None) -> None:
    """Fewer due orders can clear a courier, never accuse one; none at all say nothing."""
    seen = facts(promises={7: Promises(due, late)})

    assert verdict(seen, Rule.LATE_SHARE, "courier:7") is bad


def test_a_courier_who_is_usually_late_must_be_later_than_that() -> None:
    """With 38 % late on three days, 50 of 100 are chance, 75 are not; two days of history do not count yet."""
    usual = {7: Promises(1_000, 380)}
    for late, bad in ((50, False), (75, True)):
        seen = facts(promises={7: Promises(100, late)}, usual_promises=usual, promise_days=3)
        assert verdict(seen, Rule.LATE_SHARE, "courier:7") is bad
        assert verdict(replace(seen, promise_days=2), Rule.LATE_SHARE, "courier:7") is True


def test_the_shop_is_late_from_a_quarter_on() -> None:
    """All couriers together."""
    for late, bad in ((49, False), (50, True)):
        seen = facts(promises={1: Promises(100, late), 2: Promises(100, 0)})
        assert verdict(seen, Rule.LATE_SHARE) is bad


def test_a_product_is_sold_out_when_more_than_half_of_its_warehouses_have_none() -> None:
    """Half of them is not; one that was watched is good again when at most a quarter has none, not in between."""
    seen = facts(empty_shelves={41: (4, 6), 42: (3, 6), 43: (2, 8)})

    assert verdict(seen, Rule.STOCK_OUT, "product:41") is True
    assert reading(seen, Rule.STOCK_OUT, "product:42") is None
    watched = Watched({Rule.STOCK_OUT: ["product:42", "product:43", "product:9"]})
    assert verdict(seen, Rule.STOCK_OUT, "product:42", watched) is None
    assert verdict(seen, Rule.STOCK_OUT, "product:43", watched) is False
    assert verdict(seen, Rule.STOCK_OUT, "product:9", watched) is False


@pytest.mark.parametrize(("products", "many"), [(0, False), (10, False), (11, True)])
def test_many_sold_out_products_are_one_incident(products: int, many: bool) -> None:
    """Beyond ten, the shop as a whole is told; of the products only those that were watched before are judged."""
    seen = facts(empty_shelves=dict.fromkeys(range(products), (6, 6)))
    watched = Watched({Rule.STOCK_OUT: ["product:3", "product:77"]})
    judged = {one.entity for one in judge(seen, watched) if one.rule is Rule.STOCK_OUT}

    assert verdict(seen, Rule.MANY_SOLD_OUT) is many
    assert judged == {"product:3", "product:77"} | ({f"product:{n}" for n in range(products)} if not many else set())


@pytest.mark.parametrize(("seconds", "bad"), [(0, False), (59, False), (60, True), (3_600, True)])
def test_a_shelf_is_oversold_after_sixty_seconds_below_zero(seconds: int, bad: bool) -> None:
    """Since it was first seen so."""
    watched = Watched(negative_since={"warehouse:2/product:41": NOW - seconds * SECOND})

    assert verdict(facts(oversold={(2, 41): 3}), Rule.OVERSOLD, "warehouse:2/product:41", watched) is bad


def test_an_oversold_shelf_that_was_filled_is_good() -> None:
    """It is watched until then."""
    watched = Watched({Rule.OVERSOLD: ["warehouse:2/product:41"]})

    assert verdict(facts(), Rule.OVERSOLD, "warehouse:2/product:41", watched) is False


@pytest.mark.parametrize(("seconds", "bad"), [(0, False), (59, False), (60, True)])
def test_figures_are_stale_from_a_minute_on_and_then_nothing_else_is_judged(seconds: int, bad: bool) -> None:
    """What an old figure says about the shop is not said."""
    seen = replace(with_orders(0), as_of=NOW - seconds * SECOND)

    assert verdict(seen, Rule.STALE_DATA) is bad
    assert (len(judge(seen, Watched())) == 1) is bad


def test_nothing_but_the_age_is_judged_while_history_is_loading_or_before_anything_came() -> None:
    """Half-filled days would be compared, and orders of the past look late until their delivery is filled in."""
    assert [one.rule for one in judge(replace(with_orders(0), loading=True), Watched())] == [Rule.STALE_DATA]
    assert judge(replace(with_orders(0), as_of=None), Watched()) == []


@pytest.mark.parametrize(
    ("as_of", "judged_until", "span"),
    [
        ("10:05:09", None, ("09:40", "10:00")),
        ("10:05:10", None, ("09:40", "10:05")),
        ("10:05:10", "10:00", ("10:00", "10:05")),
        ("10:05:10", "10:05", ("10:05", "10:05")),
        ("10:05:10", "09:00", ("09:40", "10:05")),
        ("09:00:00", None, ("08:55", "08:55")),
    ],
)
def test_buckets_are_judged_once_when_the_figures_are_past_them_and_only_while_young(
    as_of: str, judged_until: str | None, span: tuple[str, str]
) -> None:
    """The look is at 10:05:30; ten seconds are left for orders under way."""
    now = datetime(2026, 11, 23, 10, 5, 30, tzinfo=UTC)

    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-11-23T{text}+00:00")

    found = closed_buckets(now, at(as_of), at(judged_until) if judged_until else None)
    assert found == (at(span[0]), at(span[1]))


def test_a_bucket_is_compared_with_its_own_half_hour_of_seven_days() -> None:
    """Buckets on both sides of a half hour need both; a day is 24 hours of UTC."""
    found = earlier_half_hours((START, START + 10 * MINUTE))

    assert list(found) == [HALF_HOUR, HALF_HOUR + 30 * MINUTE]
    assert found[HALF_HOUR] == [HALF_HOUR - timedelta(days=day) for day in range(1, 8)]
