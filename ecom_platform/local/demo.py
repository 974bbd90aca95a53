"""`ecom demo`: everything live: servers, simulator, the stream under Dagster, dashboard; at the end, nothing is left.

What the first live figure needs comes first: on two cores, all that starts beside it delays it.
"""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from ecom_platform.credentials import Role
from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.local import dagster
from ecom_platform.local.demo_programs import CODE_SERVER, COMPANIONS, DAEMON, DASHBOARD, PORTS, SIMULATOR, WEBSERVER
from ecom_platform.local.hdfs import HDFS
from ecom_platform.local.instance import Instance
from ecom_platform.local.kafka import KAFKA
from ecom_platform.local.mongodb import MONGODB
from ecom_platform.local.platform import Claim, bring_up, claim, down
from ecom_platform.local.server import accepts, log_tail
from ecom_platform.local.signals import interrupts
from ecom_platform.local.stages import Stages
from ecom_platform.local.stream_starts import StreamStarts
from ecom_platform.local.supervisord import Supervisord
from ecom_platform.reconcile import reconcile
from ecom_platform.settings import Settings
from ecom_platform.simulator.dimensions import default_shop
from ecom_platform.simulator.run import shop_seed
from ecom_platform.store import (
    Loading,
    MongoDatabase,
    load_dimensions,
    open_database,
    read_first_order,
    read_offsets,
    write_loading,
)
from ecom_platform.streaming.lag import read_lag

NAME = "ecom demo"
START_SECONDS = 300.0
DRAIN_SECONDS = 180.0
POLL_SECONDS = 0.3

Write = Callable[[str], None]


class Urls:
    """Where a person looks."""

    def __init__(self, settings: Settings) -> None:
        self.dashboard = f"http://127.0.0.1:{settings.dashboard_port}"
        self.dagster = f"http://127.0.0.1:{settings.dagster_port}"
        self.hdfs = f"http://127.0.0.1:{settings.hdfs_http_port}"


def demo(
    settings: Settings, write: Write, *, for_seconds: float | None = None, show: Callable[[str], Any] | None = None
) -> dict[str, Any] | None:
    """Run everything until Ctrl-C, or for a while.

    Args:
        settings: the instance; servers that it names are used instead of local ones.
        write: called with each line of progress.
        for_seconds: end by itself this long after everything is up, drain the stream and reconcile.
        show: called with the dashboard's address once there is a live figure on it.

    Returns:
        With `for_seconds` the verdict: {"orders", "events", "dead_letters", "lag", "reconciled"}; else None.

    Raises:
        EcomError: something did not start, or died; everything was stopped again. What ran before goes on where the
            demo could not take the instance over.
    """
    instance = Instance.of(settings)
    stages = Stages(instance, write)
    with interrupts() as signals, ExitStack() as at_the_end:
        try:
            try:
                return _run(settings, instance, stages, for_seconds, show, at_the_end)
            finally:
                signals.ignore()
        except KeyboardInterrupt:
            stages.write("")
            return None


def _run(
    settings: Settings,
    instance: Instance,
    stages: Stages,
    for_seconds: float | None,
    show: Callable[[str], Any] | None,
    at_the_end: ExitStack,
) -> dict[str, Any] | None:
    with instance.locked():
        claimed = _claim(settings, instance, stages, at_the_end)
        _start(claimed, stages, show)
    _announce(claimed.settings, stages.write)
    _watch(claimed, for_seconds)
    return _verdict(claimed, stages) if for_seconds is not None else None


def _claim(settings: Settings, instance: Instance, stages: Stages, at_the_end: ExitStack) -> Claim:
    """Take the instance over, and with it the duty to stop everything; call it locked.

    Raises:
        ConfigurationError: another demo has it, or `claim` cannot; what ran before goes on.
    """
    manager = Supervisord(instance)
    nothing_ran = not manager.alive()
    if nothing_ran:
        at_the_end.callback(_stop, settings, stages)  # also what an interrupted claim has begun
    else:
        _refuse_second_demo(manager)
    claimed = claim(settings, stages.say, companion_ports=PORTS)
    if not nothing_ran:
        at_the_end.callback(_stop, settings, stages)
    return claimed


def _refuse_second_demo(manager: Supervisord) -> None:
    running = [name for name, state in manager.states().items() if name in COMPANIONS and state.alive]
    if running:
        raise ConfigurationError(
            f"A demo runs in {manager.instance.home} already ({', '.join(sorted(running))}). It goes on, and nothing "
            "was started. End it with Ctrl-C in its terminal, or with `ecom down`; or set ECOM_HOME to another folder "
            "for a second one."
        )


def _stop(settings: Settings, stages: Stages) -> None:
    stages.say("all", "stopping")
    down(settings, stages.say, by=NAME)
    stages.say("all", "stopped; the data stays, the next start goes on from it")


def _start(claimed: Claim, stages: Stages, show: Callable[[str], Any] | None) -> None:
    """Start everything in the order in which the first live figure needs it."""
    settings, manager = claimed.settings, claimed.manager
    stream = StreamStarts(settings)

    def begin_dagster() -> None:
        dagster.prepare(settings)
        manager.start(CODE_SERVER)
        _await(lambda: accepts("127.0.0.1", settings.dagster_grpc_port), claimed, "Dagster's code server")
        stages.say("Dagster", "code server ready")
        orders.result()  # a stream that starts before its topic exists would fail and be started again, later
        manager.start(DAEMON)

    def begin_store() -> None:
        bring_up(MONGODB, claimed, stages.say)
        with open_database(settings) as db:
            load_dimensions(db, default_shop(shop_seed(settings)))
            # Said for the simulator until it says it itself: what it will add is missing already.
            write_loading(db, Role.SIMULATOR, Loading(0.0, datetime.now(UTC)))
        dagster.set_desired_state(settings, running=True, by=NAME, reason="the demo was started")

    def begin_orders() -> None:
        bring_up(KAFKA, claimed, stages.say)
        store.result()
        manager.start(SIMULATOR)
        stages.say("Simulator", "places orders")

    pool = ThreadPoolExecutor(3)
    try:
        store = pool.submit(begin_store)
        orders = pool.submit(begin_orders)
        steps = [store, orders, pool.submit(begin_dagster)]
        for step in wait(steps, return_when=FIRST_EXCEPTION).done:
            step.result()
    finally:
        # Not waited for: after an interrupt or a failure everything is stopped at once, and they find nothing to do.
        pool.shutdown(wait=False, cancel_futures=True)
    manager.start(DASHBOARD)
    _await(lambda: _serves(f"{Urls(settings).dashboard}/_stcore/health"), claimed, "the dashboard")
    stages.say("Dashboard", f"serves {Urls(settings).dashboard}")
    _await(lambda: stream.works() and live_order_applied(settings), claimed, "the first live order")
    stages.say("Stream", "applied the first live order: it is on the dashboard")
    if show is not None:
        show(Urls(settings).dashboard)
    manager.start(WEBSERVER)
    bring_up(HDFS, claimed, stages.say)
    _await(lambda: _serves(f"{Urls(settings).dagster}/server_info"), claimed, "Dagster's web server")
    stages.say("Dagster", f"serves {Urls(settings).dagster}")


def _await(condition: Callable[[], bool], claimed: Claim, what: str) -> None:
    """Wait for a part of the demo.

    Raises:
        UnavailableError: a program died, or it took too long; the text names the log to read.
    """
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        refuse_dead(claimed)
        if time.monotonic() > deadline:
            raise UnavailableError(
                f"{what[0].upper()}{what[1:]} was not there after {START_SECONDS:.0f} seconds. Everything is being "
                f"stopped. Read the logs in {claimed.manager.instance.logs}, run `ecom doctor`, then `ecom demo` again."
            )
        time.sleep(POLL_SECONDS)


def refuse_dead(claimed: Claim) -> None:
    """Raise UnavailableError when a program died for good, or everything was stopped from outside."""
    instance = claimed.manager.instance
    try:
        states = claimed.manager.states()
    except UnavailableError:
        if instance.socket.exists():
            raise
        raise UnavailableError(
            "Another command, such as `ecom down`, has stopped everything. Run `ecom demo` to start again."
        ) from None
    for name, state in states.items():
        if state.state == "FATAL":
            log = instance.logs / f"{name}.log"
            raise UnavailableError(f"{name} died: {log_tail(log)} Everything is being stopped. Its log is {log}.")


def _serves(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address on loopback
            return bool(answer.status == 200)
    except OSError:
        return False


def live_order_applied(settings: Settings) -> bool:
    """Whether the first order that the simulator of this start sold is applied."""
    with open_database(settings) as db:
        first = read_first_order(db, Role.SIMULATOR)
        return first is not None and db["orders"].find_one({"_id": first}, {"_id": 1}) is not None


def _announce(settings: Settings, write: Write) -> None:
    urls = Urls(settings)
    for line in (
        "",
        "Everything is live. What is missing of the last two days is loading beside it: see the dashboard's badge.",
        f"  Dashboard  {urls.dashboard}",
        f"  Dagster    {urls.dagster}",
        f"  HDFS       {urls.hdfs}",
        f"  Logs       {settings.logs}",
        "Once they are loaded, Dagster's orders_size_sensor has the elder ones archived to HDFS, and MongoDB shrinks.",
        "Ctrl-C stops everything.",
    ):
        write(line)


def _watch(claimed: Claim, for_seconds: float | None) -> None:
    """Wait for the end of the time, or for ever; a program that dies for good ends the demo."""
    deadline = None if for_seconds is None else time.monotonic() + for_seconds
    while deadline is None or time.monotonic() < deadline:
        refuse_dead(claimed)
        time.sleep(1.0 if deadline is None else min(1.0, max(deadline - time.monotonic(), 0)))


def _verdict(claimed: Claim, stages: Stages) -> dict[str, Any]:
    """Stop the orders, let the stream apply what is in the topic, and check that everything adds up."""
    settings = claimed.settings
    claimed.manager.stop(SIMULATOR)
    stages.say("Simulator", "stopped")
    with open_database(settings) as db:
        lag = _drain(settings, db)
        stages.say("Stream", f"{lag} events behind")
        report = reconcile(settings, db)
        for line in report.render().splitlines():
            stages.say("Check", line)
        return {
            "orders": db["orders"].estimated_document_count(),
            "events": sum(applied.counters.total for applied in read_offsets(db, settings.topic).values()),
            "dead_letters": db["dead_letters"].estimated_document_count(),
            "lag": lag,
            "reconciled": report.holds,
        }


def _drain(settings: Settings, db: MongoDatabase) -> int:
    deadline = time.monotonic() + DRAIN_SECONDS
    while (lag := read_lag(settings, db).total) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return lag
