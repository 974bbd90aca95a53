"""Requests that are repeated patiently and never under an old key, and what became of them."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from ecom_platform.orchestration.archiving.size import orders_size_sensor
from ecom_platform.orchestration.dirty_days import dirty_days_sensor
from ecom_platform.orchestration.names import REQUEST_TAG, STOPPED_BY_TAG
from ecom_platform.orchestration.runs.requests import Asking, Outcome, outcome_of
from ecom_platform.store import Loading, MongoDatabase, ensure_schema, write_loading
from ecom_platform_tests.orchestration.daemon import one_tick
from ecom_platform_tests.orchestration.samples import nothing


def test_the_pauses_after_failures_double_up_to_an_hour() -> None:
    """And a success forgets them."""
    asking, now, pauses = Asking(), 1000.0, []
    for _ in range(9):
        asking = asking.ask(now).after(Outcome.FAILED, now)
        pauses.append(asking.not_before - now)
        now = asking.not_before

    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert asking.alarming
    assert asking.ask(now).after(Outcome.SUCCEEDED, now).waiting(now) is None


def test_an_open_request_blocks_the_next_until_its_outcome_is_known() -> None:
    """A run that is not there yet is given three minutes, then the request counts as lost."""
    asking = Asking().ask(1000.0)

    assert asking.after(Outcome.ACTIVE, 9000.0).waiting(9000.0)
    assert asking.after(Outcome.NONE, 1100.0).waiting(1100.0)
    assert asking.after(Outcome.NONE, 1180.0).waiting(1180.0) is None


@pytest.mark.parametrize(("outcome", "seconds"), [(Outcome.CANCELLED, 3600), (Outcome.STOPPED, 0)])
def test_a_persons_cancel_is_respected_for_an_hour(outcome: Outcome, seconds: int) -> None:
    """What `ecom down` ended goes on at once after the next start."""
    asking = Asking().ask(1000.0).after(outcome, 1000.0)

    assert max(asking.not_before - 1000.0, 0) == seconds
    assert asking.failures == 0


def test_no_key_comes_twice_even_after_the_cursor_was_cleared() -> None:
    """Dagster would silently not run it."""
    keys = [Asking().ask(1000.0).key, Asking().ask(1000.0).ask(1001.0).key, Asking().ask(2000.0).key]

    assert len(set(keys)) == len(keys)


STATUS = dg.DagsterRunStatus


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ([], Outcome.NONE),
        ([STATUS.NOT_STARTED], Outcome.ACTIVE),
        ([STATUS.SUCCESS, STATUS.STARTED], Outcome.ACTIVE),
        ([STATUS.SUCCESS, STATUS.SUCCESS], Outcome.SUCCEEDED),
        ([STATUS.SUCCESS, STATUS.FAILURE], Outcome.FAILED),
        ([STATUS.CANCELED, STATUS.FAILURE], Outcome.FAILED),
        ([STATUS.SUCCESS, STATUS.CANCELED], Outcome.CANCELLED),
    ],
)
def test_several_runs_of_a_request_have_one_outcome(statuses: list[dg.DagsterRunStatus], outcome: Outcome) -> None:
    """Other requests' runs do not count."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.create_run_for_job(nothing, status=STATUS.FAILURE, tags={REQUEST_TAG: "other"})
        for status in statuses:
            instance.create_run_for_job(nothing, status=status, tags={REQUEST_TAG: "mine"})

        assert outcome_of(instance, "mine") is outcome


def test_what_ecom_down_ended_is_no_persons_cancel() -> None:
    """It is asked for again at once after the next start."""
    with dg.DagsterInstance.ephemeral() as instance:
        tags = {REQUEST_TAG: "mine", STOPPED_BY_TAG: "ecom down"}
        instance.create_run_for_job(nothing, status=STATUS.CANCELED, tags=tags)

        assert outcome_of(instance, "mine") is Outcome.STOPPED


@pytest.mark.usefixtures("own_environment")
@pytest.mark.parametrize("sensor", [orders_size_sensor, dirty_days_sensor], ids=lambda sensor: sensor.name)
def test_batch_work_waits_until_the_history_is_loaded(sensor: dg.SensorDefinition, db: MongoDatabase) -> None:
    """The sensor says why it asks for nothing, and looks again at the next tick."""
    ensure_schema(db)

    write_loading(db, "simulator", Loading(0.25, datetime.now(UTC)))
    assert "25 % of the history" in str(one_tick(sensor).skip_message)

    write_loading(db, "simulator", None)
    assert "history" not in str(one_tick(sensor).skip_message)
