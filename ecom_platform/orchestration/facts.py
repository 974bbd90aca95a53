"""The facts. The stream writes them all the time; materialized by hand, they are brought up to the topic's end."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

import dagster as dg

from ecom_platform.orchestration.code_version import FACTS_CODE, code_version
from ecom_platform.orchestration.dagster_internals import tag_run
from ecom_platform.orchestration.names import LEASED_TAG, OWNER
from ecom_platform.orchestration.resources import Platform, StreamLauncher
from ecom_platform.orchestration.runs.ending import end_if_asked
from ecom_platform.orchestration.supervision.drain import Drain, Held
from ecom_platform.orchestration.supervision.heartbeat import count_items, fact_rows, stream_metadata
from ecom_platform.orchestration.supervision.supervisor import SupervisorPace
from ecom_platform.orchestration.supervision.world import try_lease
from ecom_platform.orchestration.tables import FACTS, TOPIC_KEY, dimension_key, fact_key, table_metadata
from ecom_platform.settings import Settings
from ecom_platform.store.client import MongoDatabase
from ecom_platform.store.leases import STREAM_ROLE, Lease
from ecom_platform.store.offsets import read_offsets
from ecom_platform.store.progress import read_progress
from ecom_platform.streaming.child import Child

# The supervisor reports every ten minutes what was applied. A shop may be silent for a night, which is no failure; a
# stream that does not run is told within minutes by the check `stale_data`.
FRESHNESS: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=12), warn_window=timedelta(minutes=30))
LAG_BUDGET_SECONDS: Final = 20.0

_TEXTS: Final = {
    "orders": "**Grain:** one order with its items, its delivery and the delivery's history, embedded.",
    "order_items": "**Grain:** one line of an order. A MongoDB view over `orders`.",
    "deliveries": "**Grain:** one delivery, that is one order. A MongoDB view over `orders`.",
    "dead_letters": "**Grain:** one message that could not be applied, with its bytes and the reason.",
}
_DEPS: Final[Mapping[str, list[dg.AssetKey]]] = {
    "orders": [TOPIC_KEY, *(dimension_key(name) for name in ("users", "products", "warehouses", "couriers"))],
    "order_items": [fact_key("orders")],
    "deliveries": [fact_key("orders")],
    "dead_letters": [TOPIC_KEY],
}


def _spec(name: str) -> dg.AssetSpec:
    view = name in ("order_items", "deliveries")
    common = (
        "\n\n**Source:** the topic, through the streaming job, each event exactly once. **Consumer:** the dashboard, "
        "the KPIs, the reconciliation. **When it fails:** the check `stale_data` turns red within minutes and the "
        "supervisor starts the stream again; events wait in Kafka. Materializing by hand means: everything in the "
        "topic now is applied."
    )
    return dg.AssetSpec(
        fact_key(name),
        group_name="facts",
        kinds={"mongodb", "view"} if view else {"mongodb", "spark"},
        owners=[OWNER],
        deps=_DEPS[name],
        description=_TEXTS[name] + common,
        metadata=table_metadata(name),
        code_version=code_version(FACTS_CODE),
        freshness_policy=FRESHNESS,
    )


@dataclass(slots=True)
class _World:
    """What `Drain` needs, for real."""

    context: dg.OpExecutionContext
    settings: Settings
    db: MongoDatabase
    launcher: StreamLauncher
    lease_seconds: float

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        end_if_asked(self.context)
        time.sleep(seconds)

    def applied(self) -> Mapping[int, int]:
        return {number: part.next for number, part in read_offsets(self.db, self.settings.topic).items()}

    def take(self) -> Held:
        return try_lease(self.context, self.db, self.lease_seconds)

    def spawn(self, lease: Held) -> Child:
        return self.launcher.start(self.settings, cast("Lease", lease).token, available_now=True)

    def tell(self, text: str) -> None:
        self.context.log.info(text)


@dg.multi_asset(name="facts", specs=[_spec(name) for name in FACTS])
def facts(
    context: dg.AssetExecutionContext, platform: Platform, launcher: StreamLauncher, supervisor_pace: SupervisorPace
) -> Iterator[dg.MaterializeResult[Any]]:
    """Apply everything that is in the topic at the start of this run.

    A live stream is waited for; without one this run takes its lease and runs the stream once. Not in the supervisor's
    pool, or it would queue behind a run that lasts for days.
    """
    settings = platform.settings()
    with platform.database() as db:
        target = _end_offsets(settings, db)
        # Before the lease is taken: a run that dies while it holds it is then found by the reconciler.
        tag_run(context.instance, context.run_id, {LEASED_TAG: STREAM_ROLE})
        world = _World(context.op_execution_context, settings, db, launcher, supervisor_pace.lease_seconds)
        drained = Drain(world).run(target)
        context.log.info("Everything up to %s is applied (%s, %.1f s).", target, drained.how, drained.seconds)
        metadata = stream_metadata(read_progress(db, settings.topic), read_offsets(db, settings.topic))
        rows = {**fact_rows(db), "order_items": count_items(db)}
    for name in FACTS:
        counted: dict[str, Any] = {
            **metadata,
            "how": drained.how,
            "dagster/row_count": dg.MetadataValue.int(rows[name]),
        }
        yield dg.MaterializeResult(asset_key=fact_key(name), metadata=counted)


def _end_offsets(settings: Settings, db: MongoDatabase) -> dict[int, int]:
    """Partition → end of what can be read, of the partitions that hold anything. Raises UnavailableError."""
    from ecom_platform.streaming.lag import read_lag

    lag = read_lag(settings, db, LAG_BUDGET_SECONDS)
    # What an open transaction holds back was not committed at the start of this run, and may be for long.
    return {part.partition: part.end - part.held for part in lag.partitions if part.end - part.held > part.begin}


@dg.asset_check(
    asset=fact_key("orders"),
    description="Every Kafka offset is accounted for, and the rollups equal a recomputation from the orders.",
)
def accounting_equations_hold(platform: Platform) -> dg.AssetCheckResult:
    """Run the reconciliation of `ecom reconcile`; its whole report is in the metadata."""
    from ecom_platform.reconcile import reconcile

    settings = platform.settings()
    with platform.database() as db:
        report = reconcile(settings, db)
    return dg.AssetCheckResult(
        passed=report.holds,
        severity=dg.AssetCheckSeverity.ERROR,
        description="Every equation holds." if report.holds else "An equation does not hold: see the report.",
        metadata={"report": dg.MetadataValue.json(report.to_dict())},
    )
