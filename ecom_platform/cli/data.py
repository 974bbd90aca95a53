"""Commands for orders and figures: simulate, stream, archive, kpi, reconcile."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import click

from ecom_platform.durations import parse_duration
from ecom_platform.errors import UsageError
from ecom_platform.settings import load_settings

if TYPE_CHECKING:
    from ecom_platform.simulator.run import RunSummary


class RateType(click.ParamType[Any]):
    """Orders per second, or the word max."""

    name = "orders/s or max"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | Literal["max"]:
        """Raise the usage error of click for anything else."""
        if value == "max":
            return "max"
        try:
            return float(value)
        except ValueError:
            self.fail(f"{value!r} is neither a number nor max.", param, ctx)


class IdType(click.ParamType[Any]):
    """The number of an order, a warehouse, a courier."""

    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Raise the usage error of click for anything else: no server takes it."""
        from ecom_platform.contract.rules import MAX_ID

        try:
            number = int(value)
        except ValueError:
            number = 0
        if not 0 < number <= MAX_ID:
            self.fail(f"{str(value)[:40]!r} is no id: those are whole numbers from 1 to {MAX_ID}.", param, ctx)
        return number


class DurationType(click.ParamType[Any]):
    """A duration such as 1d, 12h, 30m."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Raise the usage error of click for anything else."""
        try:
            return value if isinstance(value, timedelta) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option("--orders", type=int, help="Stop after so many orders.")
@click.option("--days", type=float, help="Write this many days of history, up to now, as fast as possible.")
@click.option("--rate", type=RateType(), default=1.0, show_default=True, help="Orders per second, or max.")
@click.option("--seed", type=int, help="Another shop; default: the one this instance has, else 1.")
@click.option("--scenario", default="steady", show_default=True, help="Name of a scenario, or a file.")
def simulate(
    *, orders: int | None, days: float | None, rate: float | Literal["max"], seed: int | None, scenario: str
) -> None:
    """Produce the events of a simulated shop, each written to the ledger.

    While a history is written, screens show no figure that it can change. Where a stream runs, the command ends when
    everything is applied; Ctrl-C leaves the rest to the stream.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ecom_platform import store
    from ecom_platform.local.loading import StoreReport
    from ecom_platform.simulator.dimensions import default_shop
    from ecom_platform.simulator.run import check_arguments, shop_seed
    from ecom_platform.simulator.run import simulate as run

    check_arguments(orders, days, rate)
    settings = load_settings()
    dimensions = default_shop(shop_seed(settings, seed))
    with store.open_database(settings) as db:
        store.ensure_schema(db)
        store.load_dimensions(db, dimensions)
    unit = "orders" if orders is not None or days is None else "minutes of history"
    columns = (TextColumn(unit), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with StoreReport(settings) as report, Progress(*columns, console=_console()) as bar:
        task = bar.add_task("", total=orders)

        def progress(done: float, total: float) -> None:
            bar.update(task, completed=int(done), total=int(total) if total < 1e15 else None)

        summary = run(
            settings,
            orders=orders,
            days=days,
            rate=rate,
            seed=seed,
            scenario=scenario,
            progress=progress,
            dimensions=dimensions,
            report=report,
        )
    _describe(summary)


@click.command()
@click.option("--available-now", is_flag=True, help="Apply what is in the topic, then end.")
@click.option("--supervised", is_flag=True, help="Tell Dagster to run it, and return.")
@click.option("--accept-loss", is_flag=True, help="Go on although Kafka lost events; they are counted.")
@click.option("--accept-dead", is_flag=True, help="Go on although too many events were dead letters.")
@click.option("--skip", multiple=True, metavar="OFFSETS", help="Go on without unreadable offsets: orders-0:150-159.")
def stream(
    *, available_now: bool, supervised: bool, accept_loss: bool, accept_dead: bool, skip: tuple[str, ...]
) -> None:
    """Apply the events of the topic to MongoDB, exactly once."""
    settings = load_settings()
    if not supervised:
        from ecom_platform.streaming import foreground
        from ecom_platform.streaming.skips import Skip

        skips = tuple(Skip.parse(text) for text in skip)
        until = "until the topic is applied" if available_now else "until Ctrl-C"
        click.echo(f"Streaming {until}; details in {settings.logs / 'stream.log'}", err=True)
        foreground.run(
            settings, available_now=available_now, accept_loss=accept_loss, accept_dead=accept_dead, skips=skips
        )
        return
    if available_now or accept_loss or accept_dead or skip:
        raise UsageError(
            "--supervised takes no other flag: Dagster runs the stream without an end and accepts nothing."
        )
    from ecom_platform import store
    from ecom_platform.store.leases import STREAM_ROLE

    with store.open_database(settings) as db:
        store.set_intent(
            db, STREAM_ROLE, "running", by="ecom stream --supervised", reason="asked for on the command line"
        )
    click.echo("Dagster was told to run the stream; it does so while its daemon runs.")


@click.command()
@click.option("--older-than", type=DurationType(), help="Age of the orders to archive; default: the setting, 1d.")
@click.option("--dry-run", is_flag=True, help="Say what a run would do, and do nothing.")
@click.option("--where", "order_id", type=IdType(), help="Say where this order is, and do nothing.")
def archive(*, older_than: timedelta | None, dry_run: bool, order_id: int | None) -> None:
    """Move closed orders to HDFS: written, checked, and only then deleted from MongoDB."""
    from ecom_platform import store
    from ecom_platform.archive import command
    from ecom_platform.archive.where import where

    settings = load_settings()
    with store.open_database(settings) as db:
        if order_id is not None:
            click.echo(where(settings, db, order_id).sentence())
        elif dry_run:
            click.echo(command.plan_text(settings, db, older_than))
        else:
            store.ensure_schema(db)
            click.echo(command.run(settings, db, older_than, _console()))


@click.command()
@click.option("--from", "start", metavar="T", help="First instant: a date or a UTC timestamp; default: all history.")
@click.option("--to", "end", metavar="T", help="First instant that no longer counts; default: now.")
@click.option("--as-of", metavar="T", help="What is due is judged at the half hour before; default: now.")
@click.option(
    "--warehouse", "warehouses", type=IdType(), multiple=True, metavar="ID", help="Only this one; repeat for more."
)
@click.option(
    "--courier", "couriers", type=IdType(), multiple=True, metavar="ID", help="Only this one; repeat for more."
)
@click.option("--category", metavar="NAME", help="Only lines of this category: money is net item sales.")
@click.option("--payment", "payments", multiple=True, metavar="NAME", help="Only this type; repeat for more.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def kpi(
    *,
    start: str | None,
    end: str | None,
    as_of: str | None,
    warehouses: tuple[int, ...],
    couriers: tuple[int, ...],
    category: str | None,
    payments: tuple[str, ...],
    as_json: bool,
) -> None:
    """Every KPI of a range of time, from all orders, in MongoDB and in the archive, at one instant."""
    from ecom_platform import store
    from ecom_platform.history.kpi import answer_kpis
    from ecom_platform.history.question import Filters, KpiQuestion, parse_time
    from ecom_platform.history.render import render_answer

    settings = load_settings()
    now = datetime.now(UTC)
    question = KpiQuestion.ask(
        parse_time(start) if start else settings.history_start_time,
        parse_time(end) if end else now,
        parse_time(as_of) if as_of else now,
        Filters(warehouses, couriers, category, payments),
    )
    with store.open_database(settings) as db:
        answer = answer_kpis(settings, db, question)
    click.echo(json.dumps(answer) if as_json else render_answer(answer, settings.currency))


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def reconcile(*, as_json: bool) -> None:
    """Check the accounting equations; exit code 1 when one does not hold."""
    from ecom_platform import store
    from ecom_platform.reconcile import reconcile as check

    settings = load_settings()
    with store.open_database(settings) as db:
        report = check(settings, db)
    click.echo(json.dumps(report.to_dict()) if as_json else report.render())
    if not report.holds:
        sys.exit(1)


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True)


def _describe(summary: RunSummary) -> None:
    faults = ", ".join(f"{count:,} {kind}" for kind, count in sorted(summary.faults.items())) or "none"
    click.echo(
        f"{summary.orders:,} orders in {summary.events:,} events, {summary.acked:,} acked, in {summary.seconds:.1f} s; "
        f"faults: {faults}. Ledger: {summary.ledger}"
    )
