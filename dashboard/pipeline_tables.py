"""What the archive holds and what Dagster reports, as the Pipeline page shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import streamlit as st

from dashboard import charts, formats
from dashboard.panels import CardHeight, Note, Panel, panel, table, table_height
from dashboard.queries.archive import Archiving, archiving
from dashboard.ranked_bars import ranked_bars
from dashboard.selection import NOTHING
from dashboard.view import Question, View, WhileLoading
from ecom_platform.settings import Settings
from ecom_platform.store.pipeline_status import PipelineStatus, read_pipeline_status

T = TypeVar("T")
Rows = Sequence[Mapping[str, str]]
Found = tuple[Archiving, Settings]
_MOST_DAYS = 14
_MOST_FITTING_ROWS = 7
# Its sensor writes every 30 seconds; a busy machine may miss some.
_SILENCE = timedelta(minutes=3)
ARCHIVE = Question("archive", lambda asked: (archiving(asked.db), asked.settings), NOTHING, WhileLoading.SHOWN)
STATUS = Question(
    "status",
    lambda asked: read_pipeline_status(asked.db) or PipelineStatus(asked.now, (), ()),
    NOTHING,
    WhileLoading.SHOWN,
)


@panel(
    "size",
    "Orders in MongoDB",
    "Bytes of the orders' documents. Above the high mark Dagster archives the oldest days, until the size is below "
    "the low mark.",
    ARCHIVE,
    note=lambda _, found: f"late events waiting for archived orders: {formats.count(found[0].waiting_late_events)}",
    in_row=True,
)
def size_panel(view: View, answer: Found) -> None:
    """The size of the orders between the marks of the archive."""
    found, settings = answer
    marks = (
        ("now", found.orders_bytes),
        ("archived down to", settings.archive_low_bytes),
        ("archived from", settings.archive_high_bytes),
    )
    bars = [charts.Ranked(name, size, formats.megabytes(size)) for name, size in marks]
    ranked_bars(view, "size", "Size of the orders in MongoDB", bars)


def _table_panel(
    key: str,
    title: str,
    meaning: str,
    question: Question[T],
    *,
    note: Note[T],
    empty: str,
    scrolls: bool = True,
) -> Callable[[Callable[[T], Rows]], Panel]:
    """Make a card with a table of a function that makes its rows; many are reached by scrolling, or all are shown."""

    def panel_of(rows_of: Callable[[T], Rows]) -> Panel:
        def draw(_: View, found: T) -> None:
            rows = rows_of(found)
            too_many = scrolls and len(rows) > _MOST_FITTING_ROWS
            height: CardHeight = table_height(_MOST_FITTING_ROWS) if too_many else "content"
            with st.container(height=height, border=False):
                table(title, rows)

        def none(found: T) -> str | None:
            return None if rows_of(found) else empty

        return panel(key, title, meaning, question, note=note, empty=none, in_row=True)(draw)

    return panel_of


def _running(_: View, answer: Found) -> str:
    found = answer[0]
    if not found.running:
        return "no run is under way · newest first"
    run = found.running[-1]
    since = max(run.times.values(), default=None)
    return f"run {run.run} is {run.state} since {formats.clock(since)} UTC, {formats.counted(run.rows, 'order')}"


@_table_panel(
    "archive-runs",
    "What was archived",
    "Finished days of archive runs; seconds are each day's share of its run.",
    ARCHIVE,
    note=_running,
    empty="Nothing was archived yet",
)
def archive_runs_panel(found: Found) -> Rows:
    """Finished days, and the run that is under way."""
    return [
        {
            "Day": row.day,
            "Orders": formats.count(row.rows),
            "Size": formats.megabytes(row.bytes),
            "Files": formats.count(row.files),
            "Seconds": f"{row.seconds:,.1f}",
            "MB/s": f"{row.mb_per_second:,.2f}",
            "Run": row.run,
        }
        for row in found[0].summary
    ]


def _day_note(_: View, found: Found) -> str:
    days = found[0].days.values()
    files, rows = sum(day.files for day in days), sum(day.rows for day in days)
    return f"days {len(days)} · files {formats.count(files)} · rows {formats.count(rows)}"


@_table_panel(
    "archive-days",
    "Archive files by day",
    "Files of committed runs, as their manifests list them; the newest days first.",
    ARCHIVE,
    note=_day_note,
    empty="No file counts yet",
)
def archive_days_panel(found: Found) -> Rows:
    """Files that count, by day."""
    return [
        {
            "Day": day,
            "Files": formats.count(one.files),
            "Rows": formats.count(one.rows),
            "Size": formats.megabytes(one.bytes),
        }
        for day, one in list(found[0].days.items())[:_MOST_DAYS]
    ]


@_table_panel(
    "runs",
    "Dagster runs",
    "The newest runs, as a sensor of Dagster writes them every 30 seconds.",
    STATUS,
    note=lambda view, found: told_at(found.at, view.tick.at, "newest first"),
    empty="Dagster has not reported yet",
)
def runs_panel(found: PipelineStatus) -> Rows:
    """The newest runs of Dagster."""
    return [
        {
            "Started": formats.clock(run.started_at),
            "Job": run.job,
            "State": run.status.capitalize(),
            "Took": formats.took((run.ended_at - run.started_at).total_seconds())
            if run.started_at and run.ended_at
            else formats.UNKNOWN,
            "In words": run.text,
        }
        for run in found.runs
    ]


def told_at(at: datetime, now: datetime, order: str) -> str:
    """When Dagster wrote this; after minutes of silence, that it is silent, which nothing else on the page shows."""
    if now - at < _SILENCE:
        return f"as of {formats.clock(at)} UTC · {order}"
    return f":red[:material/cloud_off: no word from Dagster since {formats.clock(at)} UTC: see `ecom status`] · {order}"


@_table_panel(
    "checks",
    "Asset checks",
    "The last verdict of each check, as a sensor of Dagster writes them every 30 seconds.",
    STATUS,
    note=lambda view, found: told_at(found.at, view.tick.at, "failed ones first"),
    empty="Dagster has not reported yet",
    scrolls=False,
)
def checks_panel(found: PipelineStatus) -> Rows:
    """The last verdicts."""
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
