"""An HDFS name service by two settings: archive and figures go on while a NameNode, then a DataNode is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ecom_platform_tests.clusters.live_shop import LiveShop
from ecom_platform_tests.clusters.name_service import NameService
from ecom_platform_tests.clusters.programs import running

UNCHANGING = ("orders", "booked_cents")
"""Of the orders of days that are over, whatever becomes of them."""

pytestmark = [pytest.mark.clusters, pytest.mark.full, pytest.mark.servers, pytest.mark.timeout(1800)]


@pytest.fixture
def name_service(tmp_path: Path) -> Iterator[NameService]:
    """A name service with an active NameNode."""
    yield from running(NameService(tmp_path / "hdfs"))


def test_the_archive_goes_on_while_a_name_node_and_a_data_node_are_lost(
    name_service: NameService,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Under live orders: the active NameNode killed, an archive run, a DataNode killed, figures of all days: equal."""
    settings = {
        "ECOM_HDFS_URI": name_service.uri,
        "ECOM_HADOOP_CONF": str(name_service.write_client_configuration()),
        "ECOM_ALLOW_INSECURE": "true",  # a name service is no loopback address
    }
    with LiveShop(tmp_path / "shop", settings, for_seconds=420) as shop:
        shop.await_live()
        shop.await_loaded()
        before = _placed_before_today(shop)

        killed = name_service.kill_active()
        seconds = name_service.programs.await_ready("the other is active", lambda: name_service.active() is not None)
        record_property("the other NameNode is active, seconds", round(seconds, 1))
        shop.ecom("archive")
        assert name_service.active() != killed
        name_service.restart(killed)

        name_service.programs.kill("data-0")
        after = _placed_before_today(shop)
        assert after["sources"]["cold_orders"] > before["sources"]["cold_orders"]
        assert {name: after[name] for name in UNCHANGING} == {name: before[name] for name in UNCHANGING}
        shop.ecom("archive")
        name_service.restart("data-0")

        verdict = shop.finish()
        record_property("verdict", verdict)
        assert verdict["reconciled"] is True


def _placed_before_today(shop: LiveShop) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(shop.ecom("kpi", "--to", f"{datetime.now(UTC):%Y-%m-%d}", "--json"))
    return answer
