"""A KPI is defined once and computed by every engine: one that was added by half is found here.

The table says under which name each engine has a figure, or why it has none. What the engines really have is read from
them: the fields of the rollups, the answer of `ecom kpi`, the amounts of `kpi_daily`, the sources of the screens. Each
message names the place that was forgotten; CONTRIBUTING.md has them in order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dashboard.queries import sales
from ecom_platform.history.daily_figures import SUBJECTS
from ecom_platform.history.figures_sql import OrderTable
from ecom_platform.history.question import Filters, KpiQuestion
from ecom_platform.history.render import render_answer
from ecom_platform.kpi import rollups
from ecom_platform.kpi.definitions import DEFINITIONS

DASHBOARD = Path(__file__).parents[2] / "dashboard"
NOW_ONLY = "- as it is now, it has no range: read from open orders or from the stock"
DERIVED = "- divided when it is shown, from "
ENGINES = ("rollups", "ecom kpi", "kpi_daily")
TABLE: dict[str, tuple[str, str, str]] = {
    "revenue": ("revenue_cents", "revenue_cents", "revenue_cents"),
    "orders": ("orders", "orders", "orders"),
    "valid_orders": ("valid_orders", "valid_orders", "valid_orders"),
    "booked": ("booked_cents", "booked_cents", "booked_cents"),
    "average_order_value": (DERIVED + "revenue_cents", "aov_cents", DERIVED + "revenue_cents"),
    "discount_rate": ("discount_cents", "discount_cents", "discount_cents"),
    "cancelled_rate": ("cancelled_cents", DERIVED + "booked_cents and revenue_cents", "cancelled_cents"),
    "returned": ("returned_cents", "- its orders are by_status Returned", "returned_cents"),
    "category_sales": ("net_cents", "by_category", "category"),
    "location_sales": ("revenue_cents", "by_location", "city"),
    "units": ("units", "units", "units"),
    "order_status": ("Delivered", "by_status", "Delivered"),
    "payment_mix": ("orders", "by_payment_type", "payment"),
    "top_products": ("net_cents", "top_products", "product"),
    "late_now": (NOW_ONLY,) * 3,
    "at_risk": (NOW_ONLY,) * 3,
    "open": (NOW_ONLY,) * 3,
    "delay_p50": ("bins", "delivery_delay_seconds", "delay"),
    "delay_p90": ("bins", "delivery_delay_seconds", "delay"),
    "delivery_delay": ("bins", "delivery_delay_seconds", "delay"),
    "delivery_steps": ("steps", "- a question about one day: kpi_daily has it", "steps_Shipped"),
    "on_time_share": ("on_time", "promise", "on_time"),
    "oversold": ("reserved", *(NOW_ONLY,) * 2),
    "out_of_stock": ("reserved", *(NOW_ONLY,) * 2),
    "below_reorder": ("reserved", *(NOW_ONLY,) * 2),
    "available": ("reserved", *(NOW_ONLY,) * 2),
    "days_of_cover": ("units", *(NOW_ONLY,) * 2),
}


@pytest.fixture(scope="module")
def answer() -> Mapping[str, Any]:
    """Every figure of `ecom kpi`, of no orders."""
    instant = datetime(2026, 11, 29, tzinfo=UTC)
    with OrderTable(KpiQuestion.ask(instant, instant.replace(hour=1), instant, Filters())) as table:
        return table.figures()


@pytest.fixture(scope="module")
def names(answer: Mapping[str, Any]) -> Mapping[str, set[str]]:
    """What each engine has."""
    lists = [value for name, value in vars(rollups).items() if name.endswith("_FIELDS")]
    nested = {"bins", "steps"}  # with the number of a bin, or a state, as the names of their fields
    source = Path(rollups.__file__).read_text(encoding="utf-8")
    return {
        "rollups": {field for fields in lists for field in fields} | {name for name in nested if f'"{name}"' in source},
        "ecom kpi": set(answer),
        "kpi_daily": {amount for amounts in SUBJECTS.values() for amount in amounts} | set(SUBJECTS),
    }


def test_every_definition_stands_in_the_table() -> None:
    """And nothing else does."""
    assert set(TABLE) == set(DEFINITIONS), f"TABLE in {Path(__file__).name} and kpi/definitions.py differ"


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("key", TABLE)
def test_an_engine_has_a_figure_or_says_why_not(key: str, engine: str, names: Mapping[str, set[str]]) -> None:
    """An excuse is a sentence."""
    place = TABLE[key][ENGINES.index(engine)]
    assert place in names[engine] or re.fullmatch(r"- \w.{20,}", place), f"{key} is missing from {engine}: {place}"


@pytest.mark.parametrize("key", DEFINITIONS)
def test_a_screen_shows_a_figure_with_its_definition(key: str) -> None:
    """A tile by its key, a panel by the help of its definition."""
    sources = "".join(file.read_text(encoding="utf-8") for file in DASHBOARD.rglob("*.py"))
    assert f'"{key}"' in sources, f"no tile or panel of the dashboard names {key}"


@pytest.mark.parametrize("way", ["_PLAIN", "_OF_CATEGORY", "_fact_sums"])
def test_a_screen_sums_an_amount_in_every_way(way: str) -> None:
    """From rollups, from those of a category, from orders by the minute: what one of them leaves out is a silent 0."""
    sums = sales._fact_sums(of_category=False) if way == "_fact_sums" else getattr(sales, way)
    summed = {"valid_orders" if name == "cancelled" else name for name in sums}
    missing = {field.name for field in fields(sales.Amounts)} - summed
    assert not missing, f"{way} in dashboard/queries/sales.py does not sum {missing}"


def test_verify_this_range_compares_every_total_that_screens_have(answer: Mapping[str, Any]) -> None:
    """Its card says that the figures of the screens are right: all of them."""
    source = (DASHBOARD / "queries" / "verify.py").read_text(encoding="utf-8")
    compared = set(re.findall(r'answer\["(\w+)"\]', source))
    totals = {field.name for field in fields(sales.Amounts)} & set(answer)
    assert totals <= compared, f"dashboard/queries/verify.py does not compare {totals - compared}"


def test_the_text_of_ecom_kpi_has_every_total_of_its_json(answer: Mapping[str, Any]) -> None:
    """Each total gets a number of its own and is looked for."""
    totals = {name: 70_001 + n for n, name in enumerate(answer) if not isinstance(answer[name], dict | list)}
    question = dict.fromkeys(("from", "to", "as_of"), "") | {"filters": {}, "ignored_filters": {}}
    sources = {"hot_orders": 0, "cold_orders": 0, "late_events": 0}
    text = render_answer({**answer, **question, **totals, "sources": sources}, "USD")
    written = {int(number) for number in re.findall(r"\d+", text.replace(",", "").replace(".", ""))}
    missing = [name for name, total in totals.items() if total not in written]
    assert not missing, f"history/render.py does not print {missing}"
