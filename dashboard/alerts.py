"""Alerts: what needs attention, what did, and how good the rules are."""

from __future__ import annotations

import streamlit as st

from dashboard import acknowledge_dialog, formats, frame
from dashboard import alert_words as words
from dashboard.attention import ATTENTION, good_or_unwatched, link_to_why
from dashboard.csv_file import Cell
from dashboard.panels import card, csv_button, panel, table
from dashboard.queries.alerts import Attention, Past, past
from dashboard.selection import NOTHING
from dashboard.view import Question, View, WhileLoading, names
from ecom_platform.alerts import Alert, Score, read_scores

_OPEN_HELP = (
    "What is wrong now, by rules that look at the live figures every 30 seconds. Two bad readings in a row open an "
    "alert, three good ones close it. The figure is that of the last bad reading."
)
_PAST_HELP = "Every closed alert, from when what was wrong began to when it was good again."
_SCORES_HELP = (
    "Simulated shops with planted incidents, on seeds that were not used to choose the limits. Precision: "
    "the share of the alerts that something planted accounts for. Recall: the share of the planted incidents that the "
    "right rule found, about the right thing. Repeats: further alerts about an incident that had one."
)
_PAGE_ROWS = 20
_NOW, _WORTH = "Open and closed", "How good are the rules"


def draw_page() -> None:
    """Draw the page; what is under the tab that is not open is neither asked for nor drawn."""
    now, worth = st.tabs([_NOW, _WORTH], key="alerts-tab", on_change="rerun")
    if worth.open:
        with worth:
            draw_scores()
        return
    with now:
        frame.page("alerts", draw, of_now=True)
    # Beside the part that refreshes, so that no refresh touches what is being typed.
    acknowledge_dialog.draw()


def draw(view: View) -> None:
    """Draw open and past alerts at one instant."""
    _open(view)
    _closed(view)


def _open_note(_: View, found: Attention) -> str:
    if found.is_loading:
        return "the rules are judged after the history is loaded; until then only whether data arrive"
    seen = sum(alert.acknowledgement is not None for alert in found.open)
    counts = f"{formats.count(len(found.open))} open, {formats.count(seen)} acknowledged, gravest first · "
    return f"{counts if found.open else ''}rules evaluated at {formats.clock(found.evaluated_at)} UTC"


@panel(
    "alerts-open",
    "Open alerts",
    _OPEN_HELP,
    ATTENTION,
    note=_open_note,
    empty=good_or_unwatched,
    height=80,
    grows=True,
)
def _open(view: View, found: Attention) -> None:
    if problem := words.unwatched(found):
        st.markdown(
            f":orange-badge[:material/warning: unwatched] {problem}; what is open may be over, and more may be wrong"
        )
    for alert in found.open:
        with (
            st.container(border=True, key=f"alert-{alert.id}"),
            st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", gap="small"),
        ):
            with st.container(width="content", gap="xxsmall"):
                _draw_what(view, alert, found)
            with st.container(width="content", horizontal=True, vertical_alignment="center", gap="small"):
                if not acknowledge_dialog.said_to(alert):
                    acknowledge_dialog.button(alert)
                link_to_why(alert, f"Why: {alert.link.page.capitalize()}")


def _draw_what(view: View, alert: Alert, found: Attention) -> None:
    subject = words.plain(words.subject(alert, names()))
    st.markdown(f"{words.severity(alert)} **{subject}**", help=alert.meaning)
    figure = words.plain(words.figure(alert, view.currency))
    st.markdown(f"{figure} :gray[· {words.since(alert, found.now)}]")
    if said := acknowledge_dialog.said_to(alert):
        st.markdown(f":gray[:material/done: Acknowledged by {words.plain(words.seen(said, found.now))}]")


def _closed(view: View) -> None:
    shown = st.session_state.get("alerts-shown", _PAGE_ROWS)
    question = Question(
        ("alerts-past", shown), lambda asked: past(asked.db, asked.now, shown), NOTHING, WhileLoading.SHOWN
    )
    draw_closed = panel(
        "alerts-past",
        "Closed alerts",
        _PAST_HELP,
        question,
        note=_past_note,
        empty=lambda found: None if found.alerts else "No alert has been closed yet",
        height=80,
        grows=True,
    )(_draw_past)
    draw_closed(view)


def _past_note(_: View, found: Past) -> str:
    if not found.alerts:
        return "none so far"
    return f"{'the last ' if found.has_earlier else ''}{formats.counted(len(found.alerts), 'alert')}, newest first"


def _draw_past(view: View, found: Past) -> None:
    csv_button(view, "alerts", _COLUMNS, [_row(alert) for alert in found.alerts], of_now=True)
    table(
        "Closed alerts, the newest first",
        {
            "Severity": [words.severity(alert) for alert in found.alerts],
            "What": [words.plain(words.subject(alert, names())) for alert in found.alerts],
            "Last figure": [words.plain(words.figure(alert, view.currency)) for alert in found.alerts],
            "From": [formats.moment(alert.since, found.now) for alert in found.alerts],
            "To": [
                formats.moment(alert.closed_at, found.now) if alert.closed_at else formats.UNKNOWN
                for alert in found.alerts
            ],
            "Lasted": [words.how_long(alert) for alert in found.alerts],
            "Acknowledged": [_seen_text(alert, found) for alert in found.alerts],
        },
    )
    if found.has_earlier:
        st.button("Show earlier", icon=":material/expand_more:", key="alerts-earlier", on_click=_show_earlier)


def _seen_text(alert: Alert, found: Past) -> str:
    said = alert.acknowledgement
    return words.plain(words.seen(said, found.now)) if said else formats.UNKNOWN


def _show_earlier() -> None:
    st.session_state["alerts-shown"] = st.session_state.get("alerts-shown", _PAGE_ROWS) + _PAGE_ROWS


_COLUMNS = (
    "Severity", "Rule", "What", "About", "From", "Found", "To", "Value", "Usual or limit", "Unit",
    "Acknowledged by", "Acknowledged at", "Note",
)  # fmt: skip


def _row(alert: Alert) -> list[Cell]:
    said = alert.acknowledgement
    what: list[Cell] = [alert.severity.value, alert.rule.value, alert.title, words.entity(alert.entity, names())]
    when: list[Cell] = [alert.since, alert.opened_at, alert.closed_at]
    seen: list[Cell] = [said.by, said.at, said.note] if said else [None, None, None]
    return [*what, *when, alert.value, alert.usual, alert.unit, *seen]


def draw_scores() -> None:
    """Draw what one command measured and the package brings along; nothing is asked of MongoDB."""
    scores = read_scores()
    by_scenario = scores.by_scenario
    alerts, true = sum(one.alerts for one in by_scenario), sum(one.true_alerts for one in by_scenario)
    with card("**Measured on planted incidents**", _SCORES_HELP, "card-scores", "content"):
        st.caption(
            f"{sum(one.found for one in by_scenario)} of {sum(one.incidents for one in by_scenario)} incidents found · "
            f"{true} of {alerts} alerts true · measured on {scores.measured_on:%d %B %Y} with seeds "
            f"{_listed(scores.held_out_seeds)}, limits chosen on {_listed(scores.chosen_on_seeds)}"
        )
        table(
            "Precision, recall and time to detect of the alert rules by scenario", [_score(one) for one in by_scenario]
        )
        st.caption("Few incidents in few shops: that the rules work is shown, not how often they fail.")


def _score(one: Score) -> dict[str, str]:
    return {
        "Scenario": one.scenario.replace("_", " "),
        "Found": f"{one.found} of {one.incidents}" if one.incidents else formats.UNKNOWN,
        "Recall": _ratio(one.recall),
        "True alerts": f"{one.true_alerts} of {one.alerts}",
        "Precision": _ratio(one.precision),
        "Repeats": formats.count(one.repeats),
        "Time to detect, median": _minutes(one.median_seconds_to_detect),
        "Slowest": _minutes(one.slowest_seconds_to_detect),
        "Days played": f"{one.days:.1f}",
    }


def _ratio(part_of_one: float | None) -> str:
    return formats.UNKNOWN if part_of_one is None else f"{part_of_one:.2f}"


def _minutes(seconds: float | None) -> str:
    return formats.UNKNOWN if seconds is None else f"{seconds / 60:.1f} min"


def _listed(numbers: tuple[int, ...]) -> str:
    return " and ".join(str(number) for number in numbers)
