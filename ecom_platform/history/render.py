"""The answer of `ecom kpi` for people: a table per breakdown, money in units of the currency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

_NOTHING: Final = "—"
_BREAKDOWNS: Final = (
    ("by_payment_type", "payment type"),
    ("by_warehouse", "warehouse"),
    ("by_courier", "courier"),
    ("by_category", "category"),
    ("by_location", "city"),
)


def render_answer(answer: Mapping[str, Any], currency: str) -> str:
    """The same figures as the JSON has, in lines of text."""
    states = "   ".join(f"{status} {count:,}" for status, count in answer["by_status"].items())
    parts = [_heading(answer), _totals(answer, currency), states]
    for part, title in _BREAKDOWNS:
        if rows := answer[part]:
            parts.append(_table(title, rows, tuple(next(iter(rows.values())))))
    if answer["top_products"]:
        rows = {f"{row['product_id']} {row['name']}": row for row in answer["top_products"]}
        parts.append(_table("top products", rows, ("units", "gross_cents", "net_cents")))
    return "\n\n".join(parts)


def _heading(answer: Mapping[str, Any]) -> str:
    chosen = [f"{kind} {_listed(value)}" for kind, value in answer["filters"].items() if value]
    sources = answer["sources"]
    lines = [
        f"{answer['from']} to {answer['to']}, due as of {answer['as_of']}"
        + (f"; only {', '.join(chosen)}" if chosen else ""),
        f"{sources['hot_orders']:,} orders from MongoDB, {sources['cold_orders']:,} from the archive"
        + (f"; {sources['late_events']:,} late events wait to be applied" if sources["late_events"] else ""),
    ]
    lines += [f"without the filter of {_listed(kinds)}: {part}" for part, kinds in answer["ignored_filters"].items()]
    return "\n".join(lines)


def _totals(answer: Mapping[str, Any], currency: str) -> str:
    promise, delay = answer["promise"], answer["delivery_delay_seconds"]
    share = f"{100 * promise['on_time'] / promise['due']:.1f} %" if promise["due"] else _NOTHING
    rows = [
        ("orders placed", f"{answer['orders']:,}"),
        ("valid orders", f"{answer['valid_orders']:,}"),
        ("booked", f"{_money(answer['booked_cents'])} {currency}"),
        ("revenue", f"{_money(answer['revenue_cents'])} {currency}"),
        ("discount", f"{_money(answer['discount_cents'])} {currency}"),
        ("average order", f"{_money(answer['aov_cents'])} {currency}"),
        ("units", f"{answer['units']:,}"),
        ("on time", f"{share} ({promise['on_time']:,} of {promise['due']:,} due, {promise['late']:,} late)"),
        ("delay", f"mean {_minutes(delay['mean'])}, p50 {_minutes(delay['p50'])}, p90 {_minutes(delay['p90'])}"),
    ]
    return "\n".join(f"{name:16}{value}" for name, value in rows)


def _table(title: str, rows: Mapping[str, Mapping[str, Any]], columns: Sequence[str]) -> str:
    width = max(len(title), *(len(name) for name in rows)) + 2
    heading = f"{title:{width}}" + "".join(
        f"{column.removesuffix('_cents').replace('_', ' '):>14}" for column in columns
    )
    lines = [
        f"{name:{width}}" + "".join(f"{_cell(column, row[column]):>14}" for column in columns)
        for name, row in rows.items()
    ]
    return "\n".join([heading, *lines])


def _cell(column: str, value: int) -> str:
    return _money(value) if column.endswith("_cents") else f"{value:,}"


def _money(cents: int | None) -> str:
    return _NOTHING if cents is None else f"{cents // 100:,}.{cents % 100:02d}"


def _minutes(seconds: float | None) -> str:
    return _NOTHING if seconds is None else f"{seconds / 60:+,.0f} min"


def _listed(value: str | Iterable[object]) -> str:
    return value if isinstance(value, str) else " or ".join(str(one) for one in value)
