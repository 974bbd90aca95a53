"""The same question answered twice at one instant: from the rollups that screens read, and from every single order."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from bson.timestamp import Timestamp

from dashboard.queries.delivery import courier_promises, states, together
from dashboard.queries.sales import sales
from dashboard.ranges import Window
from dashboard.selection import PROMISED, honoured
from ecom_platform.history.kpi import answer_kpis_at
from ecom_platform.history.question import Filters, KpiQuestion
from ecom_platform.kpi import Grain
from ecom_platform.kpi.figures import half_hour
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.cluster_time import database_at, read_at_one_instant


@dataclass(frozen=True)
class Figure:
    """One figure, as screens have it and as the orders say; money in cents."""

    name: str
    on_screen: int
    from_facts: int
    is_money: bool = False

    @property
    def agrees(self) -> bool:
        """Whether both are the same, to the cent."""
        return self.on_screen == self.from_facts


@dataclass(frozen=True)
class Verdict:
    """What became of a verification; the orders are those whose rows were read."""

    window: Window
    filters: Filters
    figures: tuple[Figure, ...]
    hot_orders: int
    cold_orders: int
    seconds: float

    @property
    def differing(self) -> list[Figure]:
        """Figures that are not the same; empty: the screens are right."""
        return [figure for figure in self.figures if not figure.agrees]


def verify(settings: Settings, db: MongoDatabase, window: Window, filters: Filters, now: datetime) -> Verdict:
    """Compare whole UTC days; what was due is judged up to the closed half hour at `now`.

    Raises:
        UnavailableError: MongoDB or HDFS does not answer, or it took longer than MongoDB keeps an instant.
        ConfigurationError: orders are archived, and no HDFS is known.
        AccountingError: an order came twice.
    """
    begun = time.monotonic()
    question = KpiQuestion.ask(window.start, window.end, now, filters)

    def read(at: Timestamp) -> Verdict:
        answer = answer_kpis_at(settings, db, question, at)
        then, kept = database_at(db, at), honoured(filters, PROMISED)
        sold = sales(then, window, Grain.DAY, filters)
        placed = states(then, window, Grain.DAY, kept)
        due = together(courier_promises(then, window.until(half_hour(now)), kept).values())
        promise, sources = answer["promise"], answer["sources"]
        figures = (
            Figure("Orders placed", sold.orders, answer["orders"]),
            Figure("Valid orders", sold.valid_orders, answer["valid_orders"]),
            Figure("Booked value", sold.booked_cents, answer["booked_cents"], is_money=True),
            Figure("Revenue", sold.revenue_cents, answer["revenue_cents"], is_money=True),
            Figure("Discount", sold.discount_cents, answer["discount_cents"], is_money=True),
            Figure("Units", sold.units, answer["units"]),
            *(Figure(state.value, number, answer["by_status"][state.value]) for state, number in placed.items()),
            Figure("Due", due.due, promise["due"]),
            Figure("On time", due.on_time, promise["on_time"]),
            Figure("Delivered of those due", sum(due.bins.values()), answer["delivery_delay_seconds"]["count"]),
        )
        hot, cold = sources["hot_orders"], sources["cold_orders"]
        return Verdict(window, filters, figures, hot, cold, time.monotonic() - begun)

    return read_at_one_instant(db, read)
