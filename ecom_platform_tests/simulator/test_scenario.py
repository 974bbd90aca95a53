"""Scenario files and where their incidents fall."""

from __future__ import annotations

import pytest

from ecom_platform.errors import UsageError
from ecom_platform.simulator.config import MINUTE_MS, FaultRates, IncidentKind
from ecom_platform.simulator.scenario import demo_incidents, load_scenario, place_incidents, scenario_names


@pytest.mark.parametrize("name", scenario_names())
def test_every_scenario_can_be_placed(name, dimensions) -> None:
    """It says what it is, and its incidents are about something that exists."""
    scenario = load_scenario(name)
    couriers = {row["_id"] for row in dimensions.couriers}

    assert scenario.description
    for incident in place_incidents(scenario.incidents, dimensions, 7, 1_000_000):
        assert 1_000_000 <= incident.from_ms < incident.to_ms
        assert incident.courier_id in couriers | {0}
        assert (incident.kind is IncidentKind.COURIER_OUTAGE) == bool(incident.courier_id)


def test_an_unknown_scenario_names_the_known_ones() -> None:
    """One sentence with what to choose from."""
    with pytest.raises(UsageError, match="black_friday, courier_outage"):
        load_scenario("blackfriday")


def test_a_scenario_can_be_a_file_of_ones_own(tmp_path) -> None:
    """And a mistake in it is told in one sentence."""
    file = tmp_path / "mine.toml"
    file.write_text('description = "mine"\n[faults]\nlate = 0.5\n')

    assert load_scenario(str(file)).faults == FaultRates(late=0.5)

    file.write_text('description = "mine"\n[faults]\nlater = 0.5\n')

    with pytest.raises(UsageError, match="later"):
        load_scenario(str(file))


def test_steady_has_no_faults_and_poison_every_kind() -> None:
    """Poison stays below the fifth of dead letters at which the stream stops for a person."""
    poison = load_scenario("poison").faults

    assert load_scenario("steady").faults == FaultRates()
    assert min(poison.duplicated, poison.late, poison.malformed, poison.orphaned) > 0
    assert poison.malformed + poison.orphaned + poison.unknown_enum + poison.negative_quantity < 0.15


def test_the_demo_plants_a_slow_courier_and_an_oversold_product_within_half_an_hour(dimensions) -> None:
    """Both begin before the start, at most thirty minutes, and still go on."""
    now_ms = 1_795_392_000_000
    planted = demo_incidents(dimensions, 7, now_ms)

    assert [one.kind for one in planted] == [IncidentKind.SLOW_COURIER, IncidentKind.OVERSOLD]
    assert all(now_ms - 30 * MINUTE_MS <= one.from_ms < now_ms < one.to_ms for one in planted)
    assert planted[0].courier_id
    assert planted[1].warehouse_id
    assert planted[1].product_id
