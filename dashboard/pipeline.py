"""Pipeline: is every event where it belongs? For the data engineer; no filter applies here."""

from __future__ import annotations

import streamlit as st

from dashboard import charts, formats
from dashboard.panels import BODY_HEIGHT, body, chart, panel, row
from dashboard.pipeline_tables import archive_days_panel, archive_runs_panel, checks_panel, runs_panel, size_panel
from dashboard.pipeline_tiles import TILE_HEIGHT, draw_tiles
from dashboard.queries.pipeline import OUTCOMES, DeadLetters, Minute, Stream, dead_letters, ingested, stream
from dashboard.ranked_bars import ranked_bars
from dashboard.selection import NOTHING
from dashboard.view import Asked, Question, View, WhileLoading

_MINUTES_HEIGHT = 294  # beside the equations of two partitions
_EMPTY_HEIGHT = 80


def _ask_stream(asked: Asked) -> tuple[Stream, list[Minute]]:
    return stream(asked.db, asked.settings.topic), ingested(asked.db, asked.now)


STREAM = Question("pipeline-tiles", _ask_stream, NOTHING, WhileLoading.SHOWN)
"""How the stream is doing."""


def draw(view: View) -> None:
    """Draw the page at one instant."""
    body(
        view,
        STREAM,
        lambda view, found: draw_tiles(*found, view.tick.at),
        TILE_HEIGHT,
        note=lambda *_: "Right now",
    )
    row(view, _equations, _minutes, widths=(2, 1))
    _letters(view)
    row(view, size_panel, archive_runs_panel, widths=(1, 2))
    row(view, archive_days_panel, runs_panel)
    checks_panel(view)


@panel(
    "lights",
    "Every event is accounted for",
    "Per partition: next - first = applied + duplicate + dead + late + gap + lost; dead letters stored = counted; "
    "late events counted = waiting + what became of them. `ecom reconcile` checks the facts, too.",
    STREAM,
    note=lambda *_: "offsets of the topic, since the stream began",
    empty=lambda found: None if found[0].lights else "The stream has not begun: no offset is recorded",
    in_row=True,
)
def _equations(_: View, found: tuple[Stream, list[Minute]]) -> None:
    adds_up, does_not = ":green-badge[:material/check_circle: adds up]", ":red-badge[:material/error: does not add up]"
    for light in found[0].lights:
        st.markdown(f"{adds_up if light.holds else does_not} **{light.name}**  \n:gray[{light.words}]")


@panel(
    "ingested",
    "Events per minute",
    "By the minute of Kafka's clock, and by what became of them.",
    STREAM,
    note=lambda _, found: f"{formats.count(sum(minute.events for minute in found[1]))} in 60 minutes, UTC",
    empty=lambda found: None if any(minute.events for minute in found[1]) else "No event in the last 60 minutes",
    height=_MINUTES_HEIGHT,
    in_row=True,
)
def _minutes(view: View, found: tuple[Stream, list[Minute]]) -> None:
    colours, minutes = view.colours, found[1]
    shades = dict(zip(OUTCOMES, (colours.period, colours.baseline, colours.bad, colours.warn), strict=True))
    series = {name: [getattr(minute, name) for minute in minutes] for name in OUTCOMES}
    figure = charts.counts([minute.at for minute in minutes], series, shades, colours, _MINUTES_HEIGHT)
    chart(figure, "ingested", f"Events per minute of the last hour: {formats.sums(series)}")


@panel(
    "letters",
    "Dead letters",
    "Messages that could not be used, with the reason; nothing of them is in any figure. They are kept in "
    "`dead_letters` with their bytes and their place in the topic.",
    Question(
        "letters",
        lambda asked: (dead_letters(asked.db, asked.span.window), asked.settings.kafka_bootstrap_servers),
        NOTHING,
        WhileLoading.SHOWN,
    ),
    note=lambda _, found: f"{formats.count(sum(found[0].by_reason.values()))} set aside in this range",
    empty=lambda found: None if found[0].newest else ":material/check_circle: No dead letter in this range",
    height=_EMPTY_HEIGHT,
    grows=True,
)
def _letters(view: View, answer: tuple[DeadLetters, str]) -> None:
    found, brokers = answer
    left, right = st.columns(2, gap="small")
    with left:
        bars = [charts.Ranked(reason, number, formats.count(number)) for reason, number in found.by_reason.items()]
        height = max(BODY_HEIGHT, 24 * len(bars))
        ranked_bars(view, "letters", "Dead letters by reason", bars, height, colour=view.colours.bad)
    with right:
        newest = found.newest[0]
        st.caption(f"Newest: **{newest.reason}** · {newest.seen_at:%d %b %H:%M:%S} UTC · {newest.place}")
        st.code(newest.text, language=None, wrap_lines=True, height=120)
        st.code(newest.error, language=None, wrap_lines=True, height="content")
        st.caption("The same message from the topic itself:")
        st.code(
            "ecom connect operator --kafka-config > operator.properties\n"
            f"kafka-console-consumer.sh --bootstrap-server {brokers} --consumer.config operator.properties "
            f"--topic {newest.topic} --partition {newest.partition} --offset {newest.offset} --max-messages 1",
            language="bash",
            wrap_lines=True,
        )
