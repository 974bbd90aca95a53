"""What became of a request, as Dagster's runs tell."""

from __future__ import annotations

import dagster as dg
import pytest

from ecom_platform.orchestration.names import REQUEST_TAG, STOPPED_BY_TAG
from ecom_platform.orchestration.sensing.requests import outcome_of
from ecom_platform.orchestration.sensing.run_requests import Outcome

STATUS = dg.DagsterRunStatus


@dg.job
def nothing() -> None:
    """No step."""


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
