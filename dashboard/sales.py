"""Sales: what sells, and where?"""

from __future__ import annotations

from dashboard import charts, formats
from dashboard.filter_controls import CLICK_HELP, bar_key
from dashboard.panels import BODY_HEIGHT, CONTROLS_HEIGHT, EMPTY, chart, panel, row, tile, tile_row
from dashboard.product_panels import RANKS_HEIGHT, all_products, best_products, one_product
from dashboard.queries.overview import RevenueLine
from dashboard.queries.sales import Group, sales_by_category, sales_by_city
from dashboard.queries.selling import SalesTiles, sales_tiles, with_others
from dashboard.ranges import Span
from dashboard.ranked_bars import ranked_bars
from dashboard.revenue_panel import SOLD, closed_totals, compared_with, judge_sales, range_note, revenue_panel
from dashboard.selection import EVERY, LOCATED, PROMISED, Kind
from dashboard.view import Asked, Question, View, WhileLoading
from ecom_platform.contract import PaymentType
from ecom_platform.kpi.definitions import DEFINITIONS

_BESIDE_CONTROLS = RANKS_HEIGHT + CONTROLS_HEIGHT  # a row ends at one line
_MOST_CITIES = 15


def draw(view: View) -> None:
    """Draw the page at one instant."""
    _tiles(view)
    row(view, revenue_panel(), _categories, widths=(2, 1))
    row(view, best_products, _locations, _payments)
    one_product(view)
    all_products(view)


def _ask_tiles(asked: Asked) -> tuple[SalesTiles, Span]:
    return sales_tiles(asked.db, asked.span, asked.filters, history_complete=asked.history_complete), asked.span


@tile_row(
    ("revenue", "booked", "discount_rate", "cancelled_rate", "returned"),
    Question("sales-tiles", _ask_tiles, while_loading=WhileLoading.CUT),
    note=lambda view, found: range_note(found[1], view.tick.at, compared=found[0].before is not None),
)
def _tiles(view: View, answer: tuple[SalesTiles, Span]) -> None:
    found, span = answer
    sold, currency, buckets = found.sold, view.currency, closed_totals(view)
    versus = compared_with(span, found.before, is_loading=found.is_loading)
    verdicts = judge_sales(view, span, found.current)
    compares = " The change compares booked value, so that cancellations to come do not count against today."
    changed = formats.change(found.booked_change)
    for key, name, more in (("revenue", "revenue_cents", compares), ("booked", "booked_cents", "")):
        value, verdict = formats.money(getattr(sold, name), currency), verdicts[key]
        line = [getattr(bucket, name) / 100 for bucket in buckets]
        tile(key, value, changed, versus, line, side=verdict.side, more=more + verdict.help)
    for key, name, difference in (
        ("discount_rate", "discount_share", found.discount_difference),
        ("cancelled_rate", "cancelled_share", found.cancelled_difference),
    ):
        shares = [getattr(bucket, name) for bucket in buckets]
        tile(key, formats.share(getattr(sold, name)), formats.points(difference), versus, shares)
    words = ", ".join(view.choice.ignored(PROMISED)) or "of this range"
    tile("returned", formats.money(found.returned_cents, currency), "so far", words, moved=False)


@panel(
    "categories",
    "Sales by category",
    DEFINITIONS["category_sales"].help + CLICK_HELP,
    Question(
        "categories",
        lambda asked: sales_by_category(asked.db, asked.span.window, asked.span.grain, asked.filters),
        EVERY,
        WhileLoading.CUT,
    ),
    note=lambda view, found: f"net item sales, together {formats.money(_total(found), view.currency)}",
    empty=lambda found: None if found else EMPTY,
)
def _categories(view: View, found: list[Group]) -> None:
    _draw_groups(view, "categories", "Net sales by category", found, kind="category")


@panel(
    "locations",
    "Sales by location",
    DEFINITIONS["location_sales"].help,
    Question(
        "locations",
        lambda asked: sales_by_city(asked.db, asked.span.window, asked.span.grain, asked.filters),
        LOCATED,
        WhileLoading.CUT,
    ),
    note=lambda view, found: (
        f"{formats.counted(len(found), 'city', 'cities')}, together {formats.money(_total(found), view.currency)}"
    ),
    empty=lambda found: None if found else EMPTY,
    height=_BESIDE_CONTROLS,
)
def _locations(view: View, found: list[Group]) -> None:
    _draw_groups(view, "locations", "Revenue by city", with_others(found, _MOST_CITIES), height=_BESIDE_CONTROLS)


def _total(groups: list[Group]) -> int:
    return sum(group.revenue_cents for group in groups)


def _draw_groups(
    view: View, key: str, title: str, found: list[Group], *, height: int = BODY_HEIGHT, kind: Kind | None = None
) -> None:
    bars = []
    for group in found:
        revenue = formats.money(group.revenue_cents, view.currency)
        hover = f"{revenue}, {formats.counted(group.orders, 'order')}"
        chosen = bar_key(kind, group.name) if kind else ""
        bars.append(charts.Ranked(group.name, group.revenue_cents, revenue, hover, chosen))
    ranked_bars(view, key, title, bars, height, filters=kind)


@panel(
    "payments",
    "Payment over time",
    DEFINITIONS["payment_mix"].help,
    SOLD,
    note=lambda *_: "valid orders by payment type, UTC",
    empty=lambda found: None if any(bucket.total.orders for bucket in found[0].buckets) else EMPTY,
    height=_BESIDE_CONTROLS,
)
def _payments(view: View, found: tuple[RevenueLine, Span]) -> None:
    buckets = found[0].buckets
    shown = [payment for payment in PaymentType if payment in buckets[0].by_payment]
    series = {payment.value: [bucket.by_payment[payment].valid_orders for bucket in buckets] for payment in shown}
    shades = {payment.value: view.colours.payment[payment] for payment in shown}
    figure = charts.counts([bucket.at for bucket in buckets], series, shades, view.colours, _BESIDE_CONTROLS)
    chart(figure, "payments", f"Valid orders over time by payment type: {formats.sums(series)}")
