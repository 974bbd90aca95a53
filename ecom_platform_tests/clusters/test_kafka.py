"""Three Kafka brokers by one setting: nothing is lost while one is lost, moved to, and while partitions are added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecom_platform_tests.clusters.kafka_brokers import KafkaBrokers
from ecom_platform_tests.clusters.live_shop import LiveShop
from ecom_platform_tests.clusters.programs import running

pytestmark = [pytest.mark.clusters, pytest.mark.full, pytest.mark.servers, pytest.mark.timeout(1800)]

PARTITIONS = 12


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[KafkaBrokers]:
    """A cluster that answers."""
    yield from running(KafkaBrokers(tmp_path / "kafka"))


def test_nothing_is_lost_while_a_broker_is_lost_and_partitions_are_moved_and_added(
    brokers: KafkaBrokers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """A topic of twelve partitions with three copies; under live orders each fault in turn, then everything adds up."""
    settings = {"ECOM_KAFKA_BOOTSTRAP_SERVERS": brokers.bootstrap_servers, "ECOM_TOPIC_PARTITIONS": str(PARTITIONS)}
    with LiveShop(tmp_path / "shop", settings, for_seconds=240) as shop:
        shop.await_live()
        brokers.programs.kill("broker-1")
        record_property("live again after a lost broker, seconds", round(shop.await_live_again(), 1))
        brokers.programs.start("broker-1")
        brokers.await_up()

        brokers.move("orders", [2, 3])
        record_property("live again after a reassignment, seconds", round(shop.await_live_again(), 1))

        brokers.add_partitions("orders", PARTITIONS + 2)
        record_property("live again after partitions were added, seconds", round(shop.await_live_again(), 1))

        verdict = shop.finish()
        record_property("verdict", verdict)
        assert verdict["reconciled"] is True
        assert verdict["lag"] == 0
