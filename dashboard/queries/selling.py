"""The figures that only the Sales page has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.queries.overview import is_covered
from dashboard.queries.products import Measure, ProductSales, product_sales, rank_changes
from dashboard.queries.sales import Amounts, Group, data_start, returned_cents, sales
from dashboard.ranges import Span
from dashboard.selection import PROMISED, honoured
from ecom_platform.history.question import Filters
from ecom_platform.kpi import UNKNOWN
from ecom_platform.kpi.figures import change, difference
from ecom_platform.store.client import MongoDatabase


@dataclass(frozen=True)
class SalesTiles:
    """Everything the row of tiles shows; `before` is None when there is no complete baseline, or none yet."""

    sold: Amounts
    current: Amounts
    before: Amounts | None
    returned_cents: int
    is_loading: bool

    @property
    def booked_change(self) -> float | None:
        """Booked value, cancelled orders in on both sides."""
        return change(self.current.booked_cents, self.before.booked_cents) if self.before else None

    @property
    def discount_difference(self) -> float | None:
        """Difference of the discount rates, 0.01 = one percentage point."""
        return difference(self.current.discount_share, self.before.discount_share) if self.before else None

    @property
    def cancelled_difference(self) -> float | None:
        """Difference of the cancelled rates; the newer orders had less time to be cancelled."""
        return difference(self.current.cancelled_share, self.before.cancelled_share) if self.before else None


@dataclass(frozen=True)
class RankedProducts:
    """Products, best first, and how many places each rose since the baseline (None: not sold then, or no baseline)."""

    products: list[ProductSales]
    rises: dict[int, int | None]
    compared: bool


def sales_tiles(db: MongoDatabase, span: Span, filters: Filters, *, history_complete: bool) -> SalesTiles:
    """Totals and the comparison of `span`; returned value is without the category."""
    grain = span.grain
    comparable = history_complete and is_covered(span, data_start(db))
    return SalesTiles(
        sold=sales(db, span.window, grain, filters),
        current=sales(db, span.comparison.current, grain, filters),
        before=sales(db, span.comparison.baseline, grain, filters) if comparable else None,
        returned_cents=returned_cents(db, span.window, grain, honoured(filters, PROMISED)),
        is_loading=not history_complete,
    )


def ranked_products(
    db: MongoDatabase, span: Span, filters: Filters, by: Measure, *, history_complete: bool
) -> RankedProducts:
    """All products sold in `span`, with the change of their ranks."""
    ranked = product_sales(db, span.products, filters, by)
    if not (history_complete and span.products_before and is_covered(span, data_start(db))):
        return RankedProducts(ranked, dict.fromkeys((product.product_id for product in ranked), None), compared=False)
    before = product_sales(db, span.products_before, filters, by)
    return RankedProducts(ranked, rank_changes(ranked, before), compared=True)


def with_others(groups: Sequence[Group], most: int) -> list[Group]:
    """The first `most` groups, the sum of the rest as "other", and the unknown ones, which are never among the rest."""
    known = [group for group in groups if group.name != UNKNOWN]
    rest = known[most:]
    orders, revenue_cents = sum(group.orders for group in rest), sum(group.revenue_cents for group in rest)
    others = [Group(f"other ({len(rest)})", orders, revenue_cents)] if rest else []
    return [*known[:most], *others, *(group for group in groups if group.name == UNKNOWN)]
