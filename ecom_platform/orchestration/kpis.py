"""The daily KPIs, recomputed from the orders wherever they are, and held against the rollups the screens show."""

# Dagster compares the annotation of `context` with its classes, so annotations may not be postponed to strings here.

from collections.abc import Iterator
from typing import Any, Final

import dagster as dg

from ecom_platform.history.daily_figures import SUBJECTS, delays_of_day
from ecom_platform.history.recompute import Recomputed, recompute
from ecom_platform.orchestration.code_version import KPI_CODE, code_version
from ecom_platform.orchestration.columns import KPI_TABLES
from ecom_platform.orchestration.names import ANALYSTS, BATCH_POOL, OWNER
from ecom_platform.orchestration.resources import Batch, Platform
from ecom_platform.orchestration.runs.ending import end_if_asked
from ecom_platform.orchestration.runs.partitions import blocks_of, kpi_days, same_day_once_over
from ecom_platform.orchestration.runs.requests import BATCH_TAGS
from ecom_platform.orchestration.tables import ARCHIVE_KEY, KPI_KEYS, fact_key, kpi_key, table_metadata

KPI_JOB: Final = "kpi_daily_job"
KPI_CHECK: Final = "equals_live_rollups"
DIFFERENCES_SHOWN: Final = 20
# MongoDB keeps an instant for five minutes: a week of a large shop is read in less.
DAYS_PER_READING: Final = 7

_TEXTS: Final = {
    "kpi_daily": "one UTC day",
    "kpi_daily_by_payment": "one day and payment type",
    "kpi_daily_by_warehouse": "one day and warehouse",
    "kpi_daily_by_courier": "one day and courier",
    "kpi_daily_by_city": "one day and city of the customer when the order was placed",
    "kpi_daily_by_category": "one day and category; orders with lines of two categories count in both",
    "kpi_daily_by_product": "one day and product",
    "kpi_daily_by_delay": "one day and 5-minute bin, by number, of the delays of what was promised for it",
}
_SUBJECT_OF: Final = dict(zip(KPI_TABLES, SUBJECTS, strict=True))


def _spec(name: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        kpi_key(name),
        group_name="kpis",
        kinds={"mongodb", "spark"},
        owners=[OWNER, ANALYSTS],
        deps=[fact_key("orders"), dg.AssetDep(ARCHIVE_KEY, partition_mapping=same_day_once_over())],
        description=(
            f"**Grain:** {_TEXTS[name]}, by the day orders were placed, promised for, or changed, each figure by "
            "its own. **Source:** all orders of the day, in "
            "MongoDB and in the archive, at one instant. **Consumer:** the check against the live rollups; screens "
            "show those. **When it fails:** the figures on screen are not touched; the day stays marked and is "
            "computed again."
        ),
        metadata=table_metadata(name, collection="kpi_daily"),
        code_version=code_version(KPI_CODE),
        partitions_def=kpi_days(),
        # Each day is reported when it is done; those of a run that ends early stay as they were.
        skippable=True,
    )


@dg.multi_asset(
    name="kpi_daily",
    specs=[_spec(name) for name in KPI_TABLES],
    check_specs=[
        dg.AssetCheckSpec(
            KPI_CHECK,
            asset=kpi_key("kpi_daily"),
            description="Every amount, recomputed from hot and cold orders, equals the live rollups at the same "
            "instant, to the cent.",
        )
    ],
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=BATCH_POOL,
)
def kpi_daily(
    context: dg.AssetExecutionContext, kpi_platform: Platform, batch: Batch, pyspark: dg.ResourceParam[Any]
) -> Iterator[Any]:
    """Compute the days of this run, a week at an instant, oldest first."""
    from ecom_platform.tabular.spark_session import running_session

    batch.be_nice()
    settings = kpi_platform.settings()
    wrong: list[str] = []
    with kpi_platform.database() as db, running_session(settings, lambda: pyspark.spark_session) as spark:
        for block in blocks_of(context.partition_keys, DAYS_PER_READING):
            end_if_asked(context.op_execution_context)
            for found in recompute(settings, db, spark, block.days):
                for event in _events(found):
                    context.log_event(event)
                wrong += [f"{found.day}: {difference}" for difference in found.differences]
    yield dg.AssetCheckResult(
        asset_key=KPI_KEYS[0],
        check_name=KPI_CHECK,
        passed=not wrong,
        description=_verdict(wrong) if wrong else f"{len(context.partition_keys)} days equal the live rollups.",
    )


def _events(found: Recomputed) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
    for name, subject in _SUBJECT_OF.items():
        rows = sum(1 for kind, _ in found.figures if kind == subject)
        metadata: dict[str, Any] = {
            "dagster/partition_row_count": dg.MetadataValue.int(rows),
            "hot_orders": dg.MetadataValue.int(found.hot_orders),
            "cold_orders": dg.MetadataValue.int(found.cold_orders),
            "seconds": dg.MetadataValue.float(found.seconds),
        }
        if name == "kpi_daily":
            total = found.figures.get(("day", ""), {})
            metadata |= {amount: dg.MetadataValue.int(total.get(amount, 0)) for amount in SUBJECTS["day"]}
            delays = delays_of_day(found.figures)
            metadata |= {
                name: dg.MetadataValue.float(float(value)) for name, value in delays.items() if value is not None
            }
        yield dg.AssetMaterialization(kpi_key(name), partition=found.day, metadata=metadata)
    texts = [str(difference) for difference in found.differences]
    yield dg.AssetCheckEvaluation(
        asset_key=KPI_KEYS[0],
        check_name=KPI_CHECK,
        passed=not texts,
        partition=found.day,
        description=_verdict(texts) if texts else "Every amount equals the live rollups.",
        metadata={"differences": dg.MetadataValue.int(len(texts))},
    )


def _verdict(texts: list[str]) -> str:
    return f"{len(texts)} amounts differ: {'; '.join(texts[:DIFFERENCES_SHOWN])}"


kpi_daily_job = dg.define_asset_job(
    KPI_JOB,
    selection=dg.AssetSelection.assets(*KPI_KEYS),
    description="Computes the daily KPIs of a range of days from the orders, hot and cold.",
    tags=BATCH_TAGS,
)
