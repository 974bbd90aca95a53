"""A dated report of the long matrices: which promise, how it was tried, what came out.

`make test-full` loads this plugin; the report is docs/evidence/test-full-<date>.md, to be committed.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "evidence"
_promises: dict[str, str] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Remember the promise of every long test: the first line of its docstring."""
    for item in items:
        if item.get_closest_marker("full") and isinstance(item, pytest.Function):
            text = (item.function.__doc__ or item.name).strip().splitlines()
            _promises[item.nodeid] = text[0]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the report, unless no long test ran."""
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if report.nodeid in _promises
    ]
    if not reports:
        return
    now = datetime.now(UTC)
    file = FOLDER / f"test-full-{now:%Y-%m-%d}.md"
    file.write_text("\n".join(_lines(reports, now, terminalreporter)) + "\n")
    terminalreporter.write_line(f"Report: {file}")


def _lines(reports: list[pytest.TestReport], now: datetime, terminal: pytest.TerminalReporter) -> Iterator[str]:
    memory = psutil.virtual_memory().total / 2**30
    passed, failed = len(terminal.stats.get("passed", [])), len(terminal.stats.get("failed", []))
    yield f"# The long matrices, {now:%Y-%m-%d}"
    yield ""
    yield (
        f"`make test-full` on {os.cpu_count()} cores and {memory:.0f} GB, Python {platform.python_version()}: "
        f"{passed} tests passed, {failed} failed in this run. The tests below are those that only this target runs."
    )
    yield ""
    yield "| promise | case | outcome | seconds | what happened |"
    yield "|---|---|---|---|---|"
    for report in sorted(reports, key=lambda report: report.nodeid):
        case = report.nodeid.rpartition("[")[2].removesuffix("]") if "[" in report.nodeid else "–"
        facts = "; ".join(f"{name}: {value}" for name, value in report.user_properties)
        yield f"| {_promises[report.nodeid]} | {case} | {report.outcome} | {report.duration:.0f} | {facts} |"
