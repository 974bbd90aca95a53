"""Overview: is today normal?"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from dashboard import charts, formats
from dashboard.attention import ATTENTION_HEIGHT, draw_attention
from dashboard.palette import STATUS_ORDER
from dashboard.panels import BODY_HEIGHT, EMPTY, chart, order_link, panel, row, table, tile, tile_row, unknown_tile
from dashboard.queries import overview as figures
from dashboard.queries.delivery import states
from dashboard.queries.products import ProductSales, product_sales
from dashboard.queries.sales import Amounts, Bucket, sales_by_bucket, sales_by_payment
from dashboard.ranges import Preset, Span, Window
from dashboard.ranked_bars import ranked_bars
from dashboard.revenue_panel import closed_totals, compared_with, judge_sales, range_note, revenue_panel
from dashboard.selection import EVERY, NOTHING, PROMISED, STOCKED
from dashboard.usual import Verdict
from dashboard.view import Asked, Question, View, WhileLoading
from ecom_platform.contract import PaymentType, Status
from ecom_platform.kpi import Grain
from ecom_platform.kpi.definitions import DEFINITIONS

_STATUS_HEIGHT = 112
# Beside the two cards: their heights, the frame of the second one, and the gap between them.
_REVENUE_HEIGHT = ATTENTION_HEIGHT + _STATUS_HEIGHT + 104


def draw(view: View) -> None:
    """Draw the page at one instant."""
    _tiles(view)
    row(view, revenue_panel(_REVENUE_HEIGHT), _attention_and_status, widths=(2, 1))
    row(view, _minutes, _payment, _products)
    _orders(view)


def _attention_and_status(view: View) -> None:
    draw_attention(view)
    _status(view)


def _ask_tiles(asked: Asked) -> tuple[figures.Tiles, Span]:
    return figures.tiles(
        asked.db, asked.span, asked.filters, asked.now, history_complete=asked.history_complete
    ), asked.span


@tile_row(
    ("revenue", "orders", "average_order_value", "units", "late_now", "on_time_share"),
    Question("tiles", _ask_tiles, while_loading=WhileLoading.CUT),
    note=lambda view, found: range_note(found[1], view.tick.at, compared=found[0].before is not None),
)
def _tiles(view: View, answer: tuple[figures.Tiles, Span]) -> None:
    found, span = answer
    versus = compared_with(span, found.before, is_loading=found.open is None)
    _draw_sales_tiles(view, found, span, versus)
    _draw_promise_tiles(found, versus, ", ".join(view.choice.ignored(PROMISED)))


def _draw_sales_tiles(view: View, found: figures.Tiles, span: Span, versus: str) -> None:
    sold, currency = found.sales, view.currency
    buckets = closed_totals(view)
    verdicts = judge_sales(view, span, found.current)
    averages = [bucket.revenue_cents / bucket.valid_orders / 100 for bucket in buckets if bucket.valid_orders]
    average = formats.money(sold.average_order_value_cents, currency)
    for key, value, changed, line in (
        (
            "revenue",
            formats.money(sold.revenue_cents, currency),
            found.booked_change,
            [bucket.revenue_cents / 100 for bucket in buckets],
        ),
        ("orders", formats.count(sold.orders), found.orders_change, [bucket.orders for bucket in buckets]),
        ("average_order_value", average, found.average_change, averages),
        ("units", formats.count(sold.units), found.units_change, [bucket.units for bucket in buckets]),
    ):
        verdict = verdicts.get(key, Verdict())
        tile(key, value, formats.change(changed), versus, line, side=verdict.side, more=verdict.help)


def _draw_promise_tiles(found: figures.Tiles, versus: str, ignored: str) -> None:
    if found.open is None or found.promises is None:
        unknown_tile("late_now")
        unknown_tile("on_time_share")
        return
    tile(
        "late_now",
        formats.count(found.open.late),
        f"of {formats.count(found.open.open)}",
        ignored or "open orders",
        [bucket.late for bucket in found.promise_buckets],
        moved=False,
        more=" The line: orders that missed their promise, by the half hour it was for.",
    )
    tile(
        "on_time_share",
        formats.share(found.promises.on_time_share),
        formats.points(found.on_time_difference),
        ignored or (versus if found.promises.enough else f"only {formats.count(found.promises.due)} due"),
        [bucket.on_time_share for bucket in found.promise_buckets],
    )


def _status_note(_: View, found: dict[Status, int]) -> str:
    placed = sum(found.values())
    delivered = f" · {formats.share(found[Status.DELIVERED] / placed)} delivered" if placed else ""
    return f"{formats.count(placed)} placed{delivered}"


@panel(
    "status",
    "Delivered vs pending",
    DEFINITIONS["order_status"].help,
    Question(
        "status",
        lambda asked: states(asked.db, asked.span.window, asked.span.grain, asked.filters),
        PROMISED,
        WhileLoading.CUT,
    ),
    note=_status_note,
    empty=lambda found: None if sum(found.values()) else EMPTY,
    height=_STATUS_HEIGHT,
)
def _status(view: View, found: dict[Status, int]) -> None:
    described = ", ".join(f"{state.value} {formats.count(found[state])}" for state in STATUS_ORDER)
    chart(charts.status_bar(found, view.colours, _STATUS_HEIGHT), "status", f"Orders by state: {described}")


def _ask_minutes(asked: Asked) -> list[Bucket]:
    """The last 60 minutes, or as many of them as are known."""
    end = asked.now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    window = Window(end - timedelta(hours=1), end)
    if asked.loading:
        window = window.since(asked.loading.known_from, Grain.MINUTE)
    return sales_by_bucket(asked.db, window, Grain.MINUTE, asked.filters)


def _minute_note(_: View, found: list[Bucket]) -> str:
    latest = f" · latest {formats.count(found[-2].total.orders)}" if len(found) > 1 else ""
    return f"{len(found)} minutes, UTC{latest}"


@panel(
    "minutes",
    "Orders per minute",
    DEFINITIONS["orders"].help,
    Question("minutes", _ask_minutes, EVERY, WhileLoading.SHOWN),
    note=_minute_note,
    empty=lambda found: None if found else "After loading",
)
def _minutes(view: View, found: list[Bucket]) -> None:
    figure = charts.orders_per_minute(found, view.colours, BODY_HEIGHT)
    chart(figure, "minutes", f"Orders per minute, {_minute_note(view, found)}")


@panel(
    "payment",
    "Payment mix",
    DEFINITIONS["payment_mix"].help,
    Question(
        "payment",
        lambda asked: sales_by_payment(asked.db, asked.span.window, asked.span.grain, asked.filters),
        EVERY,
        WhileLoading.CUT,
    ),
    note=lambda *_: "valid orders by payment type",
    empty=lambda found: None if any(amounts.valid_orders for amounts in found.values()) else EMPTY,
)
def _payment(view: View, found: dict[PaymentType, Amounts]) -> None:
    valid = {payment: amounts.valid_orders for payment, amounts in found.items()}
    parts = ", ".join(f"{payment.value} {formats.count(number)}" for payment, number in valid.items())
    figure = charts.payment_donut(valid, view.colours, BODY_HEIGHT)
    chart(figure, "payment", f"Valid orders by payment type: {parts}")


def _products_note(_: View, found: tuple[list[ProductSales], Span]) -> str:
    span = found[1]
    return f"net sales since {span.products.start:%H:%M}" if span.preset is Preset.HOUR or span.is_cut else "net sales"


@panel(
    "products",
    "Top 10 products",
    DEFINITIONS["top_products"].help,
    Question(
        "products",
        lambda asked: (product_sales(asked.db, asked.span.products, asked.filters, limit=10), asked.span),
        STOCKED,
        WhileLoading.CUT,
    ),
    note=_products_note,
    empty=lambda found: None if found[0] else EMPTY,
)
def _products(view: View, found: tuple[list[ProductSales], Span]) -> None:
    bars = []
    for product in found[0]:
        net = formats.money(product.net_cents, view.currency)
        hover = f"{net}, {formats.counted(product.units, 'unit')}"
        bars.append(charts.Ranked(product.name, product.net_cents, net, hover))
    ranked_bars(view, "products", "Best-selling products", bars)


@panel(
    "orders",
    "Last 10 orders",
    "The newest orders with the state they are in now. Range and filters do not apply to them.",
    Question("orders", lambda asked: figures.last_orders(asked.db, asked.now), NOTHING, WhileLoading.SHOWN),
    note=lambda *_: "newest first, times in UTC",
    empty=lambda found: None if found else "No orders yet",
    grows=True,
)
def _orders(view: View, found: list[figures.LastOrder]) -> None:
    table(
        "The ten newest orders",
        {
            "Time": [formats.clock(order.order_time) for order in found],
            "Order": [order_link(order.order_id) for order in found],
            "Total": [order.total_cents for order in found],
            "State": [order.status.value for order in found],
            "Payment": [order.payment for order in found],
            "Units": [order.units for order in found],
            "City": [order.city for order in found],
        },
        {"Total": partial(formats.exact_money, currency=view.currency), "Units": formats.count},
    )
