"""The words of the badge, and what the dashboard's process is made of."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard.frame import badge
from ecom_platform.store import AgeState, FigureAge

NOW = datetime(2026, 11, 23, 14, 32, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (FigureAge(NOW - timedelta(seconds=4), AgeState.LIVE, 0, None), "Live · 4 s old"),
        (FigureAge(NOW + timedelta(seconds=1), AgeState.LIVE, 0, None), "Live · 0 s old"),
        (FigureAge(NOW - timedelta(seconds=9), AgeState.CATCHING_UP, 12_400, None), "Catching up · 12,400 behind"),
        (FigureAge(NOW - timedelta(seconds=35), AgeState.STALE, 0, None), "Stale · 35 s old"),
        (FigureAge(NOW - timedelta(minutes=7), AgeState.STALE, 0, None), "Stale · 7 m old"),
        (FigureAge(None, AgeState.STALE, 0, None), "No stream yet"),
        (FigureAge(NOW, AgeState.SOURCE_SILENT, 0, None), "Source silent"),
        (FigureAge(NOW, AgeState.LOADING_HISTORY, 4_000, 0.414), "Loading history 41 %"),
    ],
)
def test_the_badge_says_the_state_in_words(age, expected):
    """Whoever cannot see the colour reads the same."""
    assert badge(age, NOW).text == expected


def test_every_state_has_its_own_icon():
    """Two states never look alike."""
    icons = [badge(FigureAge(NOW, state, 1, 0.5), NOW).icon for state in AgeState]

    assert len(set(icons)) == len(AgeState)


def test_the_dashboard_loads_neither_spark_nor_dagster():
    """Everything the page imports fits into a process without a JVM and without an orchestrator."""
    code = "import sys, dashboard.overview; print([n for n in ('pyspark', 'dagster', 'kafka') if n in sys.modules])"
    root = Path(__file__).parents[2]

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)

    assert done.stdout.strip() == "[]"


def test_queries_know_nothing_of_streamlit():
    """The figures can be asked for without a page."""
    code = "import sys, dashboard.query_cache; from dashboard.queries import overview, pipeline, selling"
    root = Path(__file__).parents[2]

    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print('streamlit' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
    )

    assert done.stdout.strip() == "False"
