"""What is usual on the day that is shown: asked for seldom, shared by tiles and chart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from dashboard.queries.usual import Measure, Usual, UsualRange, read_usual, usual_by_bucket, usual_total
from dashboard.ranges import FEWEST_USUAL_DAYS, MOST_USUAL_DAYS, Span
from dashboard.view import Asked, View

BAND_HELP = (
    f" Usual: lowest to highest of the same half hour on the last {FEWEST_USUAL_DAYS} to {MOST_USUAL_DAYS} days, where "
    "the shop sold anything then."
)


@dataclass(frozen=True)
class Verdict:
    """On which side of its usual range a figure lies (0: in it, or none is known), and the range in words."""

    side: int = 0
    help: str = ""


def judge(usual: UsualRange | None, value: int, text: Callable[[int], str]) -> Verdict:
    """Hold `value` against its usual range; `text` writes an amount."""
    if usual is None:
        return Verdict()
    words = f" Usual in these hours, on {usual.days} complete days before: {text(usual.low)} to {text(usual.high)}."
    return Verdict(usual.side(value), f"{words} Outside of it the change has a colour.")


def usual_revenue(view: View, span: Span) -> dict[datetime, UsualRange]:
    """The usual revenue of every half hour on screen, where it is known."""
    return usual_by_bucket(_usual(view), span.window, "revenue_cents")


def usual_so_far(view: View, span: Span, measure: Measure) -> UsualRange | None:
    """What is usual for the part of the day that changes are about: to its last closed half hour."""
    return usual_total(_usual(view), span.comparison.current, measure)


def _usual(view: View) -> Usual:
    days = view.choice.span(view.tick.at).usual
    if days is None:
        return {}

    def ask(asked: Asked) -> Usual:
        return read_usual(asked.db, days, asked.filters, history_complete=asked.history_complete)

    return view.ask_seldom(("usual", days), ask).value or {}
