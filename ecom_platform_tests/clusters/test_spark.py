"""A Spark cluster by settings: stream, archive and figures where the workers see neither the clone nor its packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecom_platform.runtime.pack import pack
from ecom_platform_tests.clusters.live_shop import LiveShop
from ecom_platform_tests.clusters.programs import running
from ecom_platform_tests.clusters.spark_workers import SparkWorkers, cannot_hide

pytestmark = [pytest.mark.clusters, pytest.mark.full, pytest.mark.servers, pytest.mark.timeout(1800)]


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[SparkWorkers]:
    """A master with two workers."""
    if (reason := cannot_hide()) is not None:
        pytest.skip(reason)
    yield from running(SparkWorkers(tmp_path / "spark"))


def test_stream_and_archive_run_on_workers_that_see_nothing_of_ours_and_survive_the_loss_of_one(
    workers: SparkWorkers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Under live orders a worker is killed, then an archive run; everything adds up, on hot and cold orders."""
    archive, properties = tmp_path / "executors.tar.gz", tmp_path / "spark.properties"
    record_property("packed, MB", round(pack(archive) / 1e6))
    properties.write_text(workers.properties(archive))
    settings = {
        "ECOM_SPARK_MASTER": workers.master,
        "ECOM_SPARK_PROPERTIES": str(properties),
        "ECOM_SPARK_BATCH_MASTER": workers.master,
    }
    with LiveShop(tmp_path / "shop", settings, for_seconds=240) as shop:
        shop.await_live()
        workers.programs.kill("worker-1")
        record_property("live again after a lost worker, seconds", round(shop.await_live_again(), 1))
        workers.start_worker(1)
        shop.ecom("archive")

        verdict = shop.finish()
        record_property("verdict", verdict)
        assert verdict["reconciled"] is True
        assert verdict["lag"] == 0
