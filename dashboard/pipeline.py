"""Pipeline: is every event where it belongs? For the data engineer; no filter applies here."""

from __future__ import annotations

import streamlit as st

from dashboard import charts, formats
from dashboard.panels import BODY_HEIGHT, body, chart, panel
from dashboard.pipeline_tables import archive_days_panel, archive_runs_panel, checks_panel, runs_panel, size_panel
from dashboard.pipeline_tiles import TILE_HEIGHT, draw_tiles
from dashboard.queries.pipeline import OUTCOMES, DeadLetters, Minute, Stream, dead_letters, ingested, stream
from dashboard.ranked_bars import ranked_bars
from dashboard.selection import NOTHING
from dashboard.view import Asked, View, WhileLoading

_MINUTES_HEIGHT = 294  # beside the equations of two partitions
_EMPTY_HEIGHT = 80
_NOT_BEGUN = "The stream has not begun: no offset is recorded"


def draw(view: View) -> None:
    """Draw the page at one instant."""
    body(
        lambda: view.ask("pipeline-tiles", _ask_tiles, NOTHING, WhileLoading.SHOWN),
        TILE_HEIGHT,
        lambda found: draw_tiles(*found, view.tick.at),
        note=lambda _: "Right now",
    )
    left, right = st.columns([2, 1], gap="small")
    with left:
        _lights_panel(view)
    with right:
        _minutes_panel(view)
    _letters_panel(view)
    left, right = st.columns([1, 2], gap="small")
    with left:
        size_panel(view)
    with right:
        archive_runs_panel(view)
    left, right = st.columns(2, gap="small")
    with left:
        archive_days_panel(view)
    with right:
        runs_panel(view)
    checks_panel(view)


def _ask_tiles(asked: Asked) -> tuple[Stream, list[Minute]]:
    return stream(asked.db, asked.settings.topic), ingested(asked.db, asked.now)


def _lights_panel(view: View) -> None:
    panel(
        view,
        "lights",
        "Every event is accounted for",
        "Per partition: next - first = applied + duplicate + dead + late + gap + lost; dead letters stored = counted; "
        "late events counted = waiting + what became of them. `ecom reconcile` checks the facts, too.",
        _ask_tiles,
        lambda found: _draw_lights(found[0]),
        question="pipeline-tiles",
        honours=NOTHING,
        note=lambda _: "offsets of the topic, since the stream began",
        empty=lambda found: None if found[0].lights else _NOT_BEGUN,
        in_row=True,
        while_loading=WhileLoading.SHOWN,
    )


def _draw_lights(found: Stream) -> None:
    for light in found.lights:
        state = (
            ":green-badge[:material/check_circle: adds up]"
            if light.holds
            else ":red-badge[:material/error: does not add up]"
        )
        st.markdown(f"{state} **{light.name}**  \n:gray[{light.words}]")


def _minutes_panel(view: View) -> None:
    panel(
        view,
        "ingested",
        "Events per minute",
        "By the minute of Kafka's clock, and by what became of them.",
        _ask_tiles,
        lambda found: _draw_minutes(view, found[1]),
        question="pipeline-tiles",
        honours=NOTHING,
        note=lambda found: f"{formats.count(sum(minute.events for minute in found[1]))} in 60 minutes, UTC",
        empty=lambda found: None if any(minute.events for minute in found[1]) else "No event in the last 60 minutes",
        height=_MINUTES_HEIGHT,
        in_row=True,
        while_loading=WhileLoading.SHOWN,
    )


def _draw_minutes(view: View, found: list[Minute]) -> None:
    colours = view.colours
    shades = dict(zip(OUTCOMES, (colours.period, colours.baseline, colours.bad, colours.warn), strict=True))
    series = {name: [getattr(minute, name) for minute in found] for name in OUTCOMES}
    figure = charts.stacked([minute.at for minute in found], series, shades, colours, _MINUTES_HEIGHT)
    described = ", ".join(f"{name} {formats.count(sum(counts))}" for name, counts in series.items())
    chart(figure, "ingested", f"Events per minute of the last hour: {described}")


def _letters_panel(view: View) -> None:
    panel(
        view,
        "letters",
        "Dead letters",
        "Messages that could not be used, with the reason; nothing of them is in any figure. They are kept in "
        "`dead_letters` with their bytes and their place in the topic.",
        lambda asked: (dead_letters(asked.db, asked.span.window), asked.settings.kafka_bootstrap_servers),
        lambda found: _draw_letters(view, *found),
        honours=NOTHING,
        note=lambda found: f"{formats.count(sum(found[0].by_reason.values()))} set aside in this range",
        empty=lambda found: None if found[0].newest else ":material/check_circle: No dead letter in this range",
        height=_EMPTY_HEIGHT,
        grows=True,
        while_loading=WhileLoading.SHOWN,
    )


def _draw_letters(view: View, found: DeadLetters, brokers: str) -> None:
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
