"""The figures that only the Delivery page has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from dashboard.queries.delivery import Open, Promises, courier_promises, open_orders, promises, together
from dashboard.queries.overview import is_covered
from dashboard.queries.sales import Amounts, data_start, sales_by_courier, sales_by_warehouse
from dashboard.ranges import Span
from ecom_platform.history.question import Filters
from ecom_platform.kpi.figures import difference
from ecom_platform.store.client import MongoDatabase


@dataclass(frozen=True)
class Deliveries:
    """What is open now, and the promises of the range; `before` is None when there is no complete baseline."""

    open: Open
    by_courier: Mapping[int, Promises]
    before: Promises | None

    @property
    def whole(self) -> Promises:
        """Over all couriers."""
        return together(self.by_courier.values())

    @property
    def on_time_difference(self) -> float | None:
        """Difference of the on-time shares, 0.01 = one percentage point."""
        return difference(self.whole.on_time_share, self.before.on_time_share) if self.before else None


@dataclass(frozen=True)
class Placed:
    """Orders by who delivers them and where they are sent from."""

    by_courier: Mapping[int, Amounts]
    by_warehouse: Mapping[int, Amounts]


def deliveries(db: MongoDatabase, span: Span, filters: Filters, now: datetime) -> Deliveries:
    """Everything the page knows about promises, from one question, so that its panels cannot disagree."""
    comparable = is_covered(span, data_start(db))
    return Deliveries(
        open=open_orders(db, now, filters),
        by_courier=courier_promises(db, span.promises, filters),
        before=promises(db, span.promises_before, filters) if comparable and span.promises_before else None,
    )


def placed_by(db: MongoDatabase, span: Span, filters: Filters) -> Placed:
    """Orders placed in `span` per courier and per warehouse."""
    return Placed(
        sales_by_courier(db, span.window, span.grain, filters), sales_by_warehouse(db, span.window, span.grain, filters)
    )
