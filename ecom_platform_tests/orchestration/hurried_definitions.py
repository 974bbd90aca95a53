"""The platform's batch work with sensors that look as often as the daemon can, and failed requests repeated at once."""

import dagster as dg

from ecom_platform.orchestration.runs import requests as run_requests

run_requests.FIRST_RETRY_SECONDS = 1.0

from ecom_platform.orchestration import definitions  # noqa: E402 - after the change
from ecom_platform.orchestration.resources import Batch  # noqa: E402

BATCH = ("orders_size_sensor", "orders_purge_sensor", "late_events_sensor", "dirty_days_sensor")
SENSORS = [sensor for sensor in definitions.defs.sensors or () if sensor.name in BATCH]
for sensor in SENSORS:
    sensor._min_interval = 1

defs = dg.Definitions(
    assets=definitions.defs.assets,
    asset_checks=definitions.defs.asset_checks,
    jobs=definitions.defs.jobs,
    sensors=SENSORS,
    # On a busy machine, what is nice may have to wait for minutes.
    resources={**dict(definitions.defs.resources or {}), "batch": Batch(niceness=0)},
    executor=definitions.defs.executor,
)
