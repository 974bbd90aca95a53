"""Pipeline: is every event where it belongs? For the data engineer; no filter applies here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import pandas as pd
import streamlit as st

from dashboard import charts, formats
from dashboard.choice import NOTHING
from dashboard.panels import BODY_HEIGHT, body, chart, panel
from dashboard.queries.archive import Archiving, archiving
from dashboard.queries.pipeline import (
    OUTCOMES,
    DeadLetters,
    Minute,
    Stream,
    dead_letters,
    ingested,
    stream,
    wait_seconds,
)
from dashboard.view import Asked, View
from ecom_platform.settings import Settings
from ecom_platform.store.pipeline_status import PipelineStatus, read_pipeline_status
from ecom_platform.streaming.waits import LONGEST_SECONDS

__all__ = ["draw"]

T = TypeVar("T")
_TILE_HEIGHT = 110
_RATE_MINUTES = 5
_NOT_BEGUN = "The stream has not begun: no offset is recorded"
_WAIT_HELP = (
    "Half of the events took no longer than this from Kafka's time to the transaction that applies them (its commit "
    "comes some milliseconds later); over the last 5 full minutes, to 50 ms."
)
_MOST_DAYS = 14
_MOST_FITTING_ROWS = 5


def draw(view: View) -> None:
    """Draw the page at one instant."""
    body(
        lambda: view.ask("pipeline-tiles", _ask_tiles, NOTHING),
        _TILE_HEIGHT,
        lambda found: _draw_tiles(view, *found),
        note=lambda _: "now, whatever range and filters",
    )
    left, right = st.columns([2, 1], gap="small")
    with left:
        _lights_panel(view)
    with right:
        _minutes_panel(view)
    _letters_panel(view)
    left, right = st.columns([1, 2], gap="small")
    with left:
        _size_panel(view)
    with right:
        _table_panel(
            view,
            "archive-runs",
            "What was archived",
            "Finished days of archive runs; seconds are each day's share of its run.",
            _ask_archive,
            lambda found: _summary_rows(found[0]),
            note=lambda found: _running(found[0]),
            empty="Nothing was archived yet",
            question="archive",
        )
    left, right = st.columns(2, gap="small")
    with left:
        _table_panel(
            view,
            "archive-days",
            "Archive files by day",
            "Files of committed runs, as their manifests list them; the newest days first.",
            _ask_archive,
            lambda found: _day_rows(found[0]),
            note=lambda found: _day_note(found[0]),
            empty="No file counts yet",
            question="archive",
        )
    with right:
        _table_panel(
            view,
            "runs",
            "Dagster runs",
            "The newest runs, as a sensor of Dagster writes them every 30 seconds.",
            _ask_status,
            _run_rows,
            note=_told,
            empty="Dagster has not reported yet",
            question="status",
        )
    _checks_panel(view)


def _ask_tiles(asked: Asked) -> tuple[Stream, list[Minute]]:
    return stream(asked.db, asked.settings.topic), ingested(asked.db, asked.now)


def _draw_tiles(view: View, found: Stream, minutes: list[Minute]) -> None:
    full = minutes[-1 - _RATE_MINUTES : -1]
    events = sum(minute.events for minute in full)
    last, batch = found.last_record_at, found.last_batch
    age = "" if last is None else f"{max(0.0, (view.tick.at - last).total_seconds()):.1f} s old"
    took = f"in {batch.batch_seconds:.2f} s" if batch else formats.UNKNOWN
    holding = sum(light.holds for light in found.lights)
    with st.grid("auto", min_column_width=165, gap="small", key="tiles-grid"):
        for label, value, beside, words, meaning in (
            (
                "Equations",
                f"{holding} of {len(found.lights)}" if found.lights else formats.UNKNOWN,
                "add up" if holding == len(found.lights) else "DO NOT add up",
                "",
                "Sums that must agree whatever happens; the card below has their numbers.",
            ),
            (
                "Lag",
                formats.count(found.lag) if found.progress else formats.UNKNOWN,
                "events",
                "to come",
                "End of the topic minus what was applied, over all partitions, at the last heartbeat.",
            ),
            (
                "Events per second",
                f"{events / _RATE_MINUTES / 60:,.1f}",
                formats.count(events),
                f"in {_RATE_MINUTES} full minutes",
                "Everything that was read, by Kafka's clock, whatever became of it.",
            ),
            (
                "Newest event",
                formats.clock(last),
                age or formats.UNKNOWN,
                "when asked",
                "Kafka's time of the newest event that was applied; its age, too, while the shop sells nothing.",
            ),
            (
                "Event to MongoDB",
                _seconds(wait_seconds(full, 50)),
                _seconds(wait_seconds(full, 95)),
                "for 95 of 100",
                _WAIT_HELP,
            ),
            (
                "Last batch",
                formats.count(batch.batch_events) if batch else formats.UNKNOWN,
                took,
                "events",
                "The last micro-batch that had anything to apply, and how long it took to commit.",
            ),
        ):
            st.metric(
                label,
                value,
                beside,
                "off",
                delta_arrow="off",
                delta_description=words,
                help=meaning,
                border=True,
                height=_TILE_HEIGHT,
            )


def _seconds(number: float | None) -> str:
    if number is None:
        return formats.UNKNOWN
    return f"≥ {number:.0f} s" if number >= LONGEST_SECONDS else f"{number:.2f} s"


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
        grows=True,
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
    )


def _draw_minutes(view: View, found: list[Minute]) -> None:
    colours = view.colours
    shades = dict(zip(OUTCOMES, (colours.period, colours.baseline, colours.bad, colours.warn), strict=True))
    series = {name: [getattr(minute, name) for minute in found] for name in OUTCOMES}
    figure = charts.stacked([minute.at for minute in found], series, shades, colours, BODY_HEIGHT)
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
        grows=True,
    )


def _draw_letters(view: View, found: DeadLetters, brokers: str) -> None:
    left, right = st.columns(2, gap="small")
    with left:
        bars = [charts.Ranked(reason, number, formats.count(number)) for reason, number in found.by_reason.items()]
        described = ", ".join(f"{bar.name} {bar.text}" for bar in bars)
        figure = charts.ranked(bars, view.colours, max(BODY_HEIGHT, 24 * len(bars)), colour=view.colours.bad)
        chart(figure, "letters", f"Dead letters by reason: {described}")
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


def _ask_archive(asked: Asked) -> tuple[Archiving, Settings]:
    return archiving(asked.db), asked.settings


def _size_panel(view: View) -> None:
    panel(
        view,
        "size",
        "Orders in MongoDB",
        "Bytes of the orders' documents. Above the high mark Dagster archives the oldest days, until the size is below "
        "the low mark.",
        _ask_archive,
        lambda found: _draw_size(view, *found),
        question="archive",
        honours=NOTHING,
        note=lambda found: f"late events waiting for archived orders: {formats.count(found[0].waiting_late_events)}",
    )


def _draw_size(view: View, found: Archiving, settings: Settings) -> None:
    marks = (
        ("now", found.orders_bytes),
        ("archived down to", settings.archive_low_bytes),
        ("archived from", settings.archive_high_bytes),
    )
    bars = [charts.Ranked(name, size, _size(size)) for name, size in marks]
    described = ", ".join(f"{bar.name} {bar.text}" for bar in bars)
    chart(charts.ranked(bars, view.colours, BODY_HEIGHT), "size", f"Size of the orders in MongoDB: {described}")


def _size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


def _running(found: Archiving) -> str:
    if not found.running:
        return "no run is under way · newest first"
    run = found.running[-1]
    since = max(run.times.values(), default=None)
    return f"run {run.run} is {run.state} since {formats.clock(since)} UTC, {formats.count(run.rows)} orders"


def _summary_rows(found: Archiving) -> Sequence[Mapping[str, str]]:
    return [
        {
            "Day": row.day,
            "Orders": formats.count(row.rows),
            "Size": _size(row.bytes),
            "Files": formats.count(row.files),
            "Seconds": f"{row.seconds:,.1f}",
            "MB/s": f"{row.mb_per_second:,.2f}",
            "Run": row.run,
        }
        for row in found.summary
    ]


def _day_note(found: Archiving) -> str:
    files = sum(day.files for day in found.days.values())
    rows = sum(day.rows for day in found.days.values())
    return f"days {len(found.days)} · files {formats.count(files)} · rows {formats.count(rows)}"


def _day_rows(found: Archiving) -> Sequence[Mapping[str, str]]:
    return [
        {"Day": day, "Files": formats.count(one.files), "Rows": formats.count(one.rows), "Size": _size(one.bytes)}
        for day, one in list(found.days.items())[:_MOST_DAYS]
    ]


def _run_rows(found: PipelineStatus) -> Sequence[Mapping[str, str]]:
    return [
        {
            "Started": formats.clock(run.started_at),
            "Job": run.job,
            "State": run.status.capitalize(),
            "Took": formats.duration((run.ended_at - run.started_at).total_seconds())
            if run.started_at and run.ended_at
            else formats.UNKNOWN,
        }
        for run in found.runs
    ]


def _ask_status(asked: Asked) -> PipelineStatus:
    return read_pipeline_status(asked.db) or PipelineStatus(asked.now, (), ())


def _told(found: PipelineStatus) -> str:
    return f"as of {formats.clock(found.at)} UTC · newest first"


def _checks_panel(view: View) -> None:
    _table_panel(
        view,
        "checks",
        "Asset checks",
        "The last verdict of each check, as a sensor of Dagster writes them every 30 seconds.",
        _ask_status,
        _check_rows,
        note=lambda found: f"as of {formats.clock(found.at)} UTC · failed ones first",
        empty="Dagster has not reported yet",
        question="status",
    )


def _check_rows(found: PipelineStatus) -> Sequence[Mapping[str, str]]:
    return [
        {
            "Verdict": ":green-badge[passed]"
            if check.passed
            else f":red-badge[{'failed' if check.severity == 'ERROR' else 'warning'}]",
            "Check": f"{check.asset}: {check.check}",
            "At": formats.clock(check.at),
            "In words": check.text,
        }
        for check in sorted(found.checks, key=lambda check: check.passed)
    ]


def _table_panel(
    view: View,
    key: str,
    title: str,
    meaning: str,
    ask: Callable[[Asked], T],
    rows: Callable[[T], Sequence[Mapping[str, str]]],
    *,
    note: Callable[[T], str],
    empty: str,
    question: str,
) -> None:
    panel(
        view,
        key,
        title,
        meaning,
        ask,
        lambda found: _draw_table(rows(found), title),
        question=question,
        honours=NOTHING,
        note=note,
        empty=lambda found: None if rows(found) else empty,
        grows=True,
    )


def _draw_table(rows: Sequence[Mapping[str, str]], title: str) -> None:
    with st.container(height=BODY_HEIGHT if len(rows) > _MOST_FITTING_ROWS else "content", border=False):
        st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt=title)
