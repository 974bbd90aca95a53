"""The rules: facts of an instant in, readings out. Pure.

A reading says whether something is bad now; whether that makes an alert is decided by `incident`, from several
readings in a row. What cannot be judged (too few orders, no comparable days, figures that are too old) gives no
verdict, which is neither bad nor good.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import sqrt
from statistics import median
from typing import Final

from ecom_platform.alerts.chance import at_least, at_most
from ecom_platform.alerts.facts import Bucket, Facts, Promises, Usual
from ecom_platform.kpi.figures import SMALLEST_SAMPLE, half_hour

SHOP: Final = "shop"
"""Entity of what is about everything together."""


class Rule(StrEnum):
    """What can be wrong; a figure that may leave its range on both sides has a rule for each."""

    ORDERS_HIGH = "orders_high"
    ORDERS_LOW = "orders_low"
    ORDER_VALUE_HIGH = "order_value_high"
    ORDER_VALUE_LOW = "order_value_low"
    LATE_SHARE = "late_share"
    STOCK_OUT = "stock_out"
    MANY_SOLD_OUT = "many_sold_out"
    OVERSOLD = "oversold"
    STALE_DATA = "stale_data"
    DEAD_LETTERS = "dead_letters"


@dataclass(frozen=True, slots=True)
class Limits:
    """Where bad begins; docs/alerts.md says how each was chosen and what it costs.

    Attributes:
        days: so many earlier days must have the same half hour before anything is compared with them.
        chance: a count is unusual when chance alone gives it less often.
        orders_change: days differ (weekday from Sunday) by up to this share without meaning anything.
        value_change: the same for the average order value.
        value_orders: orders in five minutes below which their average value says nothing.
        value_spread: standard deviation of an order's value ÷ its mean.
        value_errors: standard errors beyond which an average is unusual.
        late_share, late_share_courier: share of the due orders, of all and of one courier.
        sold_out_share: share of the warehouses that hold a product and have none left; bad is more than this.
        restocked_share: good is at most this: single units that come back from cancelled orders are no new stock.
        sold_out_products: when more than these are sold out, that is one incident, not one for each further product.
        oversold_for: how long more must have been promised than there is.
        data_age: age of the figures.
        dead_share, dead_letters: both must be reached within five minutes.
    """

    days: int = 3
    chance: float = 1e-4
    orders_change: float = 0.25
    value_change: float = 0.15
    value_orders: int = 100
    value_spread: float = 1.5
    value_errors: float = 4.0
    late_share: float = 0.25
    late_share_courier: float = 0.4
    sold_out_share: float = 0.5
    restocked_share: float = 0.25
    sold_out_products: int = 10
    oversold_for: timedelta = timedelta(seconds=60)
    data_age: timedelta = timedelta(seconds=60)
    dead_share: float = 0.01
    dead_letters: int = 5


LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at one thing.

    Attributes:
        at: the instant it is about; readings of a thing come in this order.
        since: the instant from which this reading speaks (the start of its bucket).
        bad: None when it cannot be judged.
        value: the figure, in the unit of its rule (`documents.UNITS`).
        usual: what it is compared with: the usual figure where one is known, else the limit.
    """

    rule: Rule
    entity: str
    at: datetime
    since: datetime
    bad: bool | None
    value: float
    usual: float | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """What the evaluator remembers that the rules need: entities under suspicion, since when shelves are negative."""

    entities: Mapping[Rule, Collection[str]] = field(default_factory=dict)
    negative_since: Mapping[str, datetime] = field(default_factory=dict)


def judge(facts: Facts, watched: Watched, limits: Limits = LIMITS) -> list[Reading]:
    """Everything the facts tell, in order of time.

    While figures are old, only their age is judged: all else they say is about the past.
    """
    readings = [*_stale(facts, limits)]
    if not is_current(facts, limits):
        return readings
    for bucket in facts.buckets:
        usual = facts.usual.get(half_hour(bucket.start), Usual())
        readings += (*_orders(bucket, usual, limits), *_order_value(bucket, usual, limits), _dead(bucket, limits))
    if facts.buckets:
        readings += (*_late(facts, limits), *_sold_out(facts, watched.entities.get(Rule.STOCK_OUT, ()), limits))
    readings += _oversold(facts, watched, limits)
    return readings


def is_current(facts: Facts, limits: Limits = LIMITS) -> bool:
    """Whether the facts say something about the present."""
    return not facts.loading and facts.as_of is not None and facts.now - facts.as_of < limits.data_age


def courier(number: int) -> str:
    """The entity of a courier."""
    return f"courier:{number}"


def product(number: int) -> str:
    """The entity of a product in all warehouses."""
    return f"product:{number}"


def shelf(warehouse: int, number: int) -> str:
    """The entity of a product in one warehouse."""
    return f"warehouse:{warehouse}/product:{number}"


def _stale(facts: Facts, limits: Limits) -> Iterator[Reading]:
    if facts.as_of is None:
        return  # nothing was ever applied: there is no figure that could be old
    age = facts.now - facts.as_of
    yield Reading(
        Rule.STALE_DATA,
        SHOP,
        at=facts.now,
        since=facts.as_of,
        bad=age >= limits.data_age,
        value=age.total_seconds(),
        usual=limits.data_age.total_seconds(),
    )


def _orders(bucket: Bucket, usual: Usual, limits: Limits) -> Iterator[Reading]:
    """Orders per minute against the same half hour of earlier days ÷ 6, beyond what weekdays and chance explain."""
    if len(usual.orders) < limits.days:
        return
    expected = median(usual.orders) / 6
    high, low = expected * (1 + limits.orders_change), expected * (1 - limits.orders_change)
    verdicts = {
        Rule.ORDERS_HIGH: bucket.orders > high and at_least(bucket.orders, high) < limits.chance,
        Rule.ORDERS_LOW: bucket.orders < low and at_most(bucket.orders, low) < limits.chance,
    }
    for rule, bad in verdicts.items():
        yield Reading(rule, SHOP, bucket.end, bucket.start, bad, bucket.orders / 5, expected / 5)


def _order_value(bucket: Bucket, usual: Usual, limits: Limits) -> Iterator[Reading]:
    """Booked value per order against the same half hour of earlier days, as a ratio: values scatter by factors."""
    if len(usual.orders) < limits.days or not bucket.orders or not sum(usual.booked_cents):
        return
    expected = sum(usual.booked_cents) / sum(usual.orders)
    value = bucket.booked_cents / bucket.orders
    ratio = (1 + limits.value_change) * (1 + limits.value_errors * limits.value_spread / sqrt(bucket.orders))
    enough = bucket.orders >= limits.value_orders
    verdicts = {
        Rule.ORDER_VALUE_HIGH: value > expected * ratio,
        Rule.ORDER_VALUE_LOW: value < expected / ratio,
    }
    for rule, unusual in verdicts.items():
        yield Reading(
            rule, SHOP, bucket.end, bucket.start, _verdict(unusual, enough=enough), round(value), round(expected)
        )


def _dead(bucket: Bucket, limits: Limits) -> Reading:
    share = bucket.dead / bucket.events if bucket.events else 0.0
    bad = bucket.dead >= limits.dead_letters and share >= limits.dead_share
    return Reading(Rule.DEAD_LETTERS, SHOP, bucket.end, bucket.start, bad, share, limits.dead_share)


def _late(facts: Facts, limits: Limits) -> Iterator[Reading]:
    """Late share of everybody and of each courier; one who is usually late must be later than that."""
    at, since = facts.buckets[-1].end, facts.buckets[-1].start
    known = facts.promise_days >= limits.days
    of_all = sum(facts.promises.values(), Promises())
    usual_of_all = sum(facts.usual_promises.values(), Promises()) if known else Promises()
    yield _late_reading(SHOP, at, since, of_all, usual_of_all, limits.late_share, limits.chance)
    for number, promises in sorted(facts.promises.items()):
        usual = facts.usual_promises.get(number, Promises()) if known else Promises()
        yield _late_reading(courier(number), at, since, promises, usual, limits.late_share_courier, limits.chance)


def _late_reading(
    entity: str, at: datetime, since: datetime, promises: Promises, usual: Promises, limit: float, chance: float
) -> Reading:
    share = promises.late / promises.due if promises.due else 0.0
    usual_share = usual.late / usual.due if usual.due else None
    unusual = share >= limit and (usual_share is None or at_least(promises.late, usual_share * promises.due) < chance)
    bad = _verdict(unusual, enough=promises.due >= SMALLEST_SAMPLE) if promises.due else None
    return Reading(Rule.LATE_SHARE, entity, at, since, bad, share, limit if usual_share is None else usual_share)


def _sold_out(facts: Facts, watched: Collection[str], limits: Limits) -> Iterator[Reading]:
    """Products that most warehouses have none of, and those that were so a moment ago."""
    at, since = facts.buckets[-1].end, facts.buckets[-1].start
    shares = {product(number): empty / holding for number, (empty, holding) in facts.empty_shelves.items()}
    sold_out = {entity for entity, share in shares.items() if share > limits.sold_out_share}
    many = len(sold_out) > limits.sold_out_products
    yield Reading(Rule.MANY_SOLD_OUT, SHOP, at, since, many, len(sold_out), limits.sold_out_products)
    for entity in sorted(set(watched) if many else sold_out.union(watched)):
        share = shares.get(entity, 0.0)
        bad = entity in sold_out or (False if share <= limits.restocked_share else None)
        yield Reading(Rule.STOCK_OUT, entity, at, since, bad, share, limits.sold_out_share)


def _oversold(facts: Facts, watched: Watched, limits: Limits) -> Iterator[Reading]:
    units = {shelf(*pair): number for pair, number in facts.oversold.items()}
    for entity in sorted(units.keys() | set(watched.entities.get(Rule.OVERSOLD, ()))):
        since = watched.negative_since.get(entity, facts.now)
        bad = entity in units and facts.now - since >= limits.oversold_for
        yield Reading(Rule.OVERSOLD, entity, facts.now, since, bad, units.get(entity, 0), 0)


def _verdict(unusual: bool, *, enough: bool) -> bool | None:
    """A sample that is too small can only clear: it never accuses."""
    return unusual and enough if enough or not unusual else None
