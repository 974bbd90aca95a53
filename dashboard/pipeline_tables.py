"""What the archive holds and what Dagster reports, as the Pipeline page shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import pandas as pd
import streamlit as st

from dashboard import charts, formats
from dashboard.panels import CardHeight, panel, table_height
from dashboard.queries.archive import Archiving, archiving
from dashboard.ranked_bars import ranked_bars
from dashboard.selection import NOTHING
from dashboard.view import Asked, View, WhileLoading
from ecom_platform.settings import Settings
from ecom_platform.store.pipeline_status import PipelineStatus, read_pipeline_status

T = TypeVar("T")
_MOST_DAYS = 14
_MOST_FITTING_ROWS = 7
# Its sensor writes every 30 seconds; a busy machine may miss some.
_SILENCE = timedelta(minutes=3)


def _ask_archive(asked: Asked) -> tuple[Archiving, Settings]:
    return archiving(asked.db), asked.settings


def size_panel(view: View) -> None:
    """The size of the orders between the marks of the archive."""
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
        in_row=True,
        while_loading=WhileLoading.SHOWN,
    )


def _draw_size(view: View, found: Archiving, settings: Settings) -> None:
    marks = (
        ("now", found.orders_bytes),
        ("archived down to", settings.archive_low_bytes),
        ("archived from", settings.archive_high_bytes),
    )
    bars = [charts.Ranked(name, size, _size(size)) for name, size in marks]
    ranked_bars(view, "size", "Size of the orders in MongoDB", bars)


def _size(number: int) -> str:
    return f"{number / 1e6:,.1f} MB"


def archive_runs_panel(view: View) -> None:
    """Finished days, and the run that is under way."""
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


def _running(found: Archiving) -> str:
    if not found.running:
        return "no run is under way · newest first"
    run = found.running[-1]
    since = max(run.times.values(), default=None)
    return f"run {run.run} is {run.state} since {formats.clock(since)} UTC, {formats.counted(run.rows, 'order')}"


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


def archive_days_panel(view: View) -> None:
    """Files that count, by day."""
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


def _day_note(found: Archiving) -> str:
    files = sum(day.files for day in found.days.values())
    rows = sum(day.rows for day in found.days.values())
    return f"days {len(found.days)} · files {formats.count(files)} · rows {formats.count(rows)}"


def _day_rows(found: Archiving) -> Sequence[Mapping[str, str]]:
    return [
        {"Day": day, "Files": formats.count(one.files), "Rows": formats.count(one.rows), "Size": _size(one.bytes)}
        for day, one in list(found.days.items())[:_MOST_DAYS]
    ]


def runs_panel(view: View) -> None:
    """The newest runs of Dagster."""
    _table_panel(
        view,
        "runs",
        "Dagster runs",
        "The newest runs, as a sensor of Dagster writes them every 30 seconds.",
        _ask_status,
        _run_rows,
        note=lambda found: told_at(found.at, view.tick.at, "newest first"),
        empty="Dagster has not reported yet",
        question="status",
    )


def _run_rows(found: PipelineStatus) -> Sequence[Mapping[str, str]]:
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


def _ask_status(asked: Asked) -> PipelineStatus:
    return read_pipeline_status(asked.db) or PipelineStatus(asked.now, (), ())


def told_at(at: datetime, now: datetime, order: str) -> str:
    """When Dagster wrote this; after minutes of silence, that it is silent, which nothing else on the page shows."""
    if now - at < _SILENCE:
        return f"as of {formats.clock(at)} UTC · {order}"
    return f":red[:material/cloud_off: no word from Dagster since {formats.clock(at)} UTC: see `ecom status`] · {order}"


def checks_panel(view: View) -> None:
    """The last verdicts."""
    _table_panel(
        view,
        "checks",
        "Asset checks",
        "The last verdict of each check, as a sensor of Dagster writes them every 30 seconds.",
        _ask_status,
        _check_rows,
        note=lambda found: told_at(found.at, view.tick.at, "failed ones first"),
        empty="Dagster has not reported yet",
        question="status",
        most_rows=None,
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
    most_rows: int | None = _MOST_FITTING_ROWS,
) -> None:
    """A table in a card; the rows beyond `most_rows` are reached by scrolling, None: all are shown."""
    panel(
        view,
        key,
        title,
        meaning,
        ask,
        lambda found: _draw_table(rows(found), title, most_rows),
        question=question,
        honours=NOTHING,
        note=note,
        empty=lambda found: None if rows(found) else empty,
        in_row=True,
        while_loading=WhileLoading.SHOWN,
    )


def _draw_table(rows: Sequence[Mapping[str, str]], title: str, most_rows: int | None) -> None:
    height: CardHeight = "content" if most_rows is None or len(rows) <= most_rows else table_height(most_rows)
    with st.container(height=height, border=False):
        st.table(pd.DataFrame(rows), border="horizontal", hide_index=True, alt=title)
