"""`ecom …`: the front door. Commands are thin; what they do is in the rooms, imported when a command runs."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from ecom_platform.cli_access import connect, credentials
from ecom_platform.cli_errors import run
from ecom_platform.durations import parse_duration
from ecom_platform.environment import restart_unless_clean, shield
from ecom_platform.errors import ConfigurationError, UsageError
from ecom_platform.settings import load_settings

if TYPE_CHECKING:
    from ecom_platform.simulator.run import RunSummary

__all__ = ["cli", "main", "run"]


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


class DurationType(click.ParamType[Any]):
    """A duration such as 1d, 12h, 30m."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Raise the usage error of click for anything else."""
        try:
            return value if isinstance(value, timedelta) else parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="ecom-platform")
def cli() -> None:
    """A real-time e-commerce analytics platform that proves its numbers.

    Settings are ECOM_* variables or a .env file; data and logs are in ECOM_HOME (default .ecom).
    """


cli.add_command(connect)
cli.add_command(credentials)


@cli.command()
@click.option("--for", "for_seconds", type=click.FloatRange(min=0), help="End after so many seconds of everything up.")
@click.option("--no-browser", is_flag=True, help="Do not open the dashboard.")
def demo(*, for_seconds: float | None, no_browser: bool) -> None:
    """Run everything live: servers, shop, stream, Dagster, dashboard; Ctrl-C stops all."""
    from ecom_platform.local.demo import demo as run

    verdict = run(
        load_settings(),
        lambda line: click.echo(line, err=True),
        for_seconds=for_seconds,
        show=None if no_browser else _open_browser,
    )
    if verdict is not None:
        click.echo(json.dumps(verdict))
        if not verdict["reconciled"]:
            sys.exit(1)


@cli.command()
def up() -> None:
    """Start Kafka, MongoDB and HDFS, unless settings name existing ones; make topic and collections."""
    from ecom_platform import local

    local.up(load_settings(), _say)
    click.echo("Everything is up. Next: ecom simulate, ecom stream, ecom status, ecom down.")


@cli.command()
def down() -> None:
    """Stop everything this instance started, and nothing else; data stays."""
    from ecom_platform import local

    count = local.down(load_settings(), _say)
    click.echo(f"Stopped {count} processes; the data stays." if count else "Nothing was running.")


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(*, as_json: bool) -> None:
    """Say which servers answer, and where."""
    from ecom_platform import local

    found = local.status(load_settings())
    if as_json:
        click.echo(json.dumps(found))
        return
    for key in ("kafka", "mongodb", "hdfs"):
        row = found[key]
        mark, state = ("✓", "up") if row["up"] else ("✗", f"down: {row['reason']}")
        click.echo(f"{mark} {key:8} {row.get('bootstrap_servers') or row.get('uri') or '':45} {state}")
    for name, program in found["programs"].items():
        click.echo(f"  {name:10} {program['state'].lower():10} pid {program['pid'] or '-'}")
        if program["state"] == "SUSPENDED":
            click.echo(
                f"✗ {name} was stopped by a signal and does nothing; `kill -CONT {program['pid']}` lets it go on."
            )
    if found["stream"]:
        click.echo(f"  {'stream':10} {found['stream']['words']}")
    if found["unsupervised"]:
        click.echo(f"✗ left behind by a killed run: pids {found['unsupervised']}. Run `ecom up` or `ecom down`.")


@cli.command()
def doctor() -> None:
    """Check what the platform needs here; print the fix beside each failure."""
    from ecom_platform import local

    findings = local.doctor(load_settings())
    for finding in findings:
        click.echo(f"{'✓' if finding.ok else '✗'} {finding.check:10} {finding.found}")
        if not finding.ok:
            click.echo(f"  {'':10} → {finding.fix}")
    if not all(finding.ok for finding in findings):
        sys.exit(ConfigurationError.exit_code)


@cli.command()
@click.option("--yes", is_flag=True, help="Really delete.")
def reset(*, yes: bool) -> None:
    """Stop everything and delete the local data, logs and recorded ports of this instance."""
    from ecom_platform import local

    settings = load_settings()
    if not yes:
        raise UsageError(f"This deletes {settings.home} with all its data. Nothing was done; add --yes if you mean it.")
    local.reset(settings, _say)
    click.echo(f"{settings.home} is gone.")


@cli.command()
@click.option("--orders", type=int, help="Stop after so many orders.")
@click.option("--days", type=float, help="Write this many days of history, up to now, as fast as possible.")
@click.option("--rate", type=RateType(), default=1.0, show_default=True, help="Orders per second, or max.")
@click.option("--seed", type=int, help="Another shop; default: the one this instance has, else 1.")
@click.option("--scenario", default="steady", show_default=True, help="Name of a scenario, or a file.")
def simulate(
    *, orders: int | None, days: float | None, rate: float | Literal["max"], seed: int | None, scenario: str
) -> None:
    """Produce the events of a simulated shop, each written to the ledger."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from ecom_platform import store
    from ecom_platform.simulator.dimensions import default_shop
    from ecom_platform.simulator.run import check_arguments, shop_seed
    from ecom_platform.simulator.run import simulate as run

    check_arguments(orders, days, rate)
    settings = load_settings()
    dimensions = default_shop(shop_seed(settings, seed))
    db = store.database(settings)
    try:
        store.ensure_schema(db)
        store.load_dimensions(db, dimensions)
    finally:
        db.client.close()
    unit = "orders" if orders is not None or days is None else "minutes of history"
    columns = (TextColumn(unit), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=_console()) as bar:
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
        )
    _describe(summary)


@cli.command()
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

    db = store.database(settings)
    try:
        store.set_intent(db, "stream", "running", by="ecom stream --supervised", reason="asked for on the command line")
    finally:
        db.client.close()
    click.echo("Dagster was told to run the stream; it does so while its daemon runs.")


@cli.command()
@click.option("--older-than", type=DurationType(), help="Age of the orders to archive; default: the setting, 1d.")
@click.option("--dry-run", is_flag=True, help="Say what a run would do, and do nothing.")
@click.option("--where", "order_id", type=int, help="Say where this order is, and do nothing.")
def archive(*, older_than: timedelta | None, dry_run: bool, order_id: int | None) -> None:
    """Move closed orders to HDFS: written, verified, and only then deleted from MongoDB."""
    from ecom_platform import store
    from ecom_platform.archive import command

    settings = load_settings()
    db = store.database(settings)
    with db.client:
        if order_id is not None:
            click.echo(command.where(settings, db, order_id).sentence())
        elif dry_run:
            click.echo(command.plan_text(settings, db, older_than))
        else:
            store.ensure_schema(db)
            click.echo(command.run(settings, db, older_than, _console()))


@cli.command()
@click.option("--from", "start", metavar="T", help="First instant: a date or a UTC timestamp; default: all history.")
@click.option("--to", "end", metavar="T", help="First instant that no longer counts; default: now.")
@click.option("--as-of", metavar="T", help="What is due is judged at the half hour before; default: now.")
@click.option(
    "--warehouse", "warehouses", type=int, multiple=True, metavar="ID", help="Only this one; repeat for more."
)
@click.option("--courier", "couriers", type=int, multiple=True, metavar="ID", help="Only this one; repeat for more.")
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
    db = store.database(settings)
    with db.client:
        answer = answer_kpis(settings, db, question)
    click.echo(json.dumps(answer) if as_json else render_answer(answer, settings.currency))


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def reconcile(*, as_json: bool) -> None:
    """Check the accounting equations; exit code 1 when one does not hold."""
    from ecom_platform import store
    from ecom_platform.reconcile import reconcile as check

    settings = load_settings()
    db = store.database(settings)
    try:
        report = check(settings, db)
    finally:
        db.client.close()
    click.echo(json.dumps(report.to_dict()) if as_json else report.render())
    if not report.holds:
        sys.exit(1)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; every error becomes one sentence on stderr and a stable exit code."""
    if arguments is None:
        restart_unless_clean(["-m", "ecom_platform.cli", *sys.argv[1:]])
    os.umask(0o077)  # what is written in the home is its owner's, whatever a person's shell allows
    shield()
    for stream in (sys.stdout, sys.stderr):
        cast(TextIOWrapper, stream).reconfigure(errors="replace")  # a terminal that knows no ✓ gets a question mark
    _quiet_libraries()
    sys.exit(run(lambda: cli.main(args=arguments, prog_name="ecom", standalone_mode=False)))


def _quiet_libraries() -> None:
    # The Kafka client reports every refused connection on stderr; our error says it in one sentence.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


def _say(part: str, what: str) -> None:
    click.echo(what.capitalize() if part == "all" else f"{part:8} {what}", err=True)


def _open_browser(url: str) -> None:
    """Open a page where there is a screen to open it on; a text browser would take over the terminal."""
    import webbrowser

    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin":
        webbrowser.open(url)


def _console() -> Any:
    from rich.console import Console

    return Console(stderr=True)


def _describe(summary: RunSummary) -> None:
    faults = ", ".join(f"{count:,} {kind}" for kind, count in sorted(summary.faults.items())) or "none"
    click.echo(
        f"{summary.orders:,} orders in {summary.events:,} events, {summary.acked:,} acked, in {summary.seconds:.1f} s; "
        f"faults: {faults}. Ledger: {summary.ledger}"
    )


if __name__ == "__main__":
    main()
