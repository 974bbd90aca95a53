"""Commands for the servers of an instance: demo, up, down, status, doctor, reset."""

from __future__ import annotations

import json
import os
import sys

import click

from ecom_platform.errors import ConfigurationError, UsageError
from ecom_platform.settings import load_settings


@click.command()
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


@click.command()
def up() -> None:
    """Start Kafka, MongoDB and HDFS, unless settings name existing ones; make topic and collections."""
    from ecom_platform import local

    local.up(load_settings(), _say)
    click.echo("Everything is up. Next: ecom simulate, ecom stream, ecom status, ecom down.")


@click.command()
def down() -> None:
    """Stop everything this instance started, and nothing else; data stays."""
    from ecom_platform import local

    count = local.down(load_settings(), _say)
    click.echo(f"Stopped {count} processes; the data stays." if count else "Nothing was running.")


@click.command()
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


@click.command()
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


@click.command()
@click.option("--yes", is_flag=True, help="Really delete.")
def reset(*, yes: bool) -> None:
    """Stop everything and delete the local data, logs and recorded ports of this instance."""
    from ecom_platform import local

    settings = load_settings()
    if not yes:
        raise UsageError(f"This deletes {settings.home} with all its data. Nothing was done; add --yes if you mean it.")
    local.reset(settings, _say)
    click.echo(f"All that was in {settings.home} is deleted.")


def _say(part: str, what: str) -> None:
    click.echo(what.capitalize() if part == "all" else f"{part:8} {what}", err=True)


def _open_browser(url: str) -> None:
    """Open a page where there is a screen to open it on; a text browser would take over the terminal."""
    import webbrowser

    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or sys.platform == "darwin":
        webbrowser.open(url)
