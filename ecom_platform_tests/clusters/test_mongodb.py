"""A MongoDB replica set of three by one setting: nothing is lost while its primary steps down or is killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecom_platform_tests.clusters.live_shop import LiveShop
from ecom_platform_tests.clusters.mongodb_members import MongodbMembers
from ecom_platform_tests.clusters.programs import running

pytestmark = [pytest.mark.clusters, pytest.mark.full, pytest.mark.servers, pytest.mark.timeout(1800)]


@pytest.fixture
def members(tmp_path: Path) -> Iterator[MongodbMembers]:
    """A replica set with a primary."""
    yield from running(MongodbMembers(tmp_path / "mongodb"))


def test_nothing_is_lost_while_the_primary_steps_down_and_while_it_is_killed(
    members: MongodbMembers, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """Under live orders: a step-down as for maintenance, then a primary killed and back later; everything adds up."""
    with LiveShop(tmp_path / "shop", {"ECOM_MONGODB_URI": members.uri}, for_seconds=180) as shop:
        shop.await_live()
        before = members.step_down()
        record_property("live again after a step-down, seconds", round(shop.await_live_again(), 1))
        assert members.primary() != before

        killed = members.kill_primary()
        record_property("live again after a lost primary, seconds", round(shop.await_live_again(), 1))
        assert members.primary() != killed
        members.programs.start(f"member-{killed}")

        verdict = shop.finish()
        record_property("verdict", verdict)
        assert verdict["reconciled"] is True
        assert verdict["lag"] == 0
