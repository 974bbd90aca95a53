"""What `ecom archive` does and says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from ecom_platform.archive.plan import Plan, read_plan
from ecom_platform.archive.policy import policy_of
from ecom_platform.archive.run import STEPS, archive, unfinished_runs
from ecom_platform.durations import format_duration
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.manifests import Manifest

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar


def run(settings: Settings, db: MongoDatabase, older_than: timedelta | None, console: Console) -> str:
    """One archive run with a progress bar; what to say about it. Raises as `archive`."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:10}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        finished = archive(settings, db, policy_of(settings, older_than=older_than), progress=_on(bar))
    if not finished:
        return "Nothing to archive: no closed order is old enough."
    return "\n".join(_describe(manifest) for manifest in finished)


def plan_text(settings: Settings, db: MongoDatabase, older_than: timedelta | None) -> str:
    """What a run would do now. Raises UnavailableError."""
    return render_plan(read_plan(db, policy_of(settings, older_than=older_than)), unfinished_runs(db))


def render_plan(plan: Plan, unfinished: list[Manifest]) -> str:
    """A plan for people."""
    age, open_age = format_duration(plan.policy.older_than), format_duration(plan.policy.open_after)
    instant = f"{plan.policy.closed_before:%Y-%m-%d %H:%M:%S} UTC"
    lines = [f"Closed orders older than {age} (placed before {instant}), open ones older than {open_age}."]
    lines += [f"First, run {manifest.run} is finished: it is {manifest.state}." for manifest in unfinished]
    if not plan.days:
        return "\n".join([*lines, "Nothing to archive: no closed order is old enough."])
    lines.append(f"{'day':12}{'orders':>12}{'about MB':>12}{'open, stay':>12}")
    lines += [
        f"{day.day:12}{day.orders:12,}{day.orders * plan.order_bytes / 1e6:12,.1f}{day.open_orders_left:12,}"
        for day in plan.days
    ]
    lines.append(f"{'total':12}{plan.orders:12,}{plan.bytes / 1e6:12,.1f}{plan.open_orders_left:12,}")
    return "\n".join([*lines, "Nothing was done."])


def _describe(manifest: Manifest) -> str:
    size = sum(file.bytes for file in manifest.files)
    stayed = f"; {len(manifest.superseded):,} changed meanwhile and stay" if manifest.superseded else ""
    return (
        f"Run {manifest.run}: {manifest.rows:,} orders of {len(manifest.days)} days in {len(manifest.files)} files, "
        f"{size / 1e6:,.1f} MB of Parquet, checked and gone from MongoDB{stayed}."
    )


def _on(bar: Bar) -> Callable[[str, int, int], None]:
    tasks = {step: bar.add_task(step, total=1) for step in STEPS}

    def progress(step: str, done: int, total: int) -> None:
        bar.update(tasks[step], completed=done, total=total)

    return progress
