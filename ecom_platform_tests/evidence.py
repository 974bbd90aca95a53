"""A dated report of the long matrices: which promise, how it was tried, what came out.

`make test-full` loads this plugin; the reports are docs/evidence/test-full-<room>-<date>.md, to be committed. A test
that kills records the property `killed`: (at which step, who was killed); the report counts those points.
"""

from __future__ import annotations

import os
import platform
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

FOLDER = Path(__file__).parents[1] / "docs" / "evidence"
PROMISE = "promise"
_OURS = {PROMISE, "killed"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Write the promise of every long test into its report: that travels, also from another process."""
    for item in items:
        if item.get_closest_marker("full") and isinstance(item, pytest.Function):
            text = (item.function.__doc__ or item.name).strip().splitlines()
            item.user_properties.append((PROMISE, text[0]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write a report for each room of which a long test ran."""
    rooms = defaultdict(list)
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            if PROMISE in dict(report.user_properties):
                rooms[_room(report)].append(report)
    now = datetime.now(UTC)
    for room, reports in sorted(rooms.items()):
        file = FOLDER / f"test-full-{room}-{now:%Y-%m-%d}.md"
        file.write_text("\n".join(_lines(room, sorted(reports, key=lambda report: report.nodeid), now)) + "\n")
        terminalreporter.write_line(f"Report: {file}")


def _room(report: pytest.TestReport) -> str:
    return report.nodeid.split("/")[1]


def _lines(room: str, reports: Sequence[pytest.TestReport], now: datetime) -> Iterator[str]:
    memory = psutil.virtual_memory().total / 2**30
    failed = sum(report.failed for report in reports)
    yield f"# The long matrices of {room}, {now:%Y-%m-%d}"
    yield ""
    yield (
        f"`make test-full` on {os.cpu_count()} cores and {memory:.0f} GB, Python {platform.python_version()}: of the "
        f"{len(reports)} tests of this room that only this target runs, {failed} failed."
    )
    yield from _kill_points(reports)
    yield ""
    yield "| promise | case | outcome | seconds | what happened |"
    yield "|---|---|---|---|---|"
    for report in reports:
        case = report.nodeid.partition("[")[2].rpartition("]")[0] or "–"
        facts = "; ".join(f"{name}: {value}" for name, value in report.user_properties if name not in _OURS)
        promise = dict(report.user_properties)[PROMISE]
        yield f"| {promise} | {case} | {report.outcome} | {report.duration:.0f} | {facts} |"


def _kill_points(reports: Sequence[pytest.TestReport]) -> Iterator[str]:
    """How often who was killed at which step; a step begins with its number."""
    points = [value for report in reports for name, value in report.user_properties if name == "killed"]
    if not points:
        return
    counted = Counter(points)
    steps, victims = (sorted(set(part)) for part in zip(*points, strict=True))
    yield ""
    yield f"kill -9, {len(points)} points:"
    yield ""
    yield f"| step | {' | '.join(victims)} |"
    yield f"|---|{'---|' * len(victims)}"
    for step in steps:
        yield f"| {step} | {' | '.join(str(counted[step, victim]) for victim in victims)} |"
