"""A demo that cannot have its instance: what runs there goes on."""

from __future__ import annotations

import socket

import pytest

from ecom_platform import local
from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.local.demo import demo, refuse_dead
from ecom_platform.local.demo_programs import DASHBOARD
from ecom_platform.local.instance import Instance
from ecom_platform.local.mongodb import MONGODB
from ecom_platform.local.platform import Claim, up
from ecom_platform.local.supervisord import Supervisord
from ecom_platform.settings import Settings

pytestmark = pytest.mark.servers


@pytest.fixture
def running(own: Settings) -> Settings:
    """An instance whose MongoDB was started by `ecom up`."""
    return up(own, servers=(MONGODB,))


def alive(settings: Settings) -> set[str]:
    """The programs that run."""
    states = Supervisord(Instance.of(settings)).states()
    return {name for name, state in states.items() if state.alive}


def test_a_second_demo_is_refused_and_the_first_goes_on(running: Settings) -> None:
    """Two terminals in one folder: the second used to find the ports busy, and then stopped the first."""
    Supervisord(Instance.of(running)).start(DASHBOARD)
    said: list[str] = []

    with pytest.raises(ConfigurationError, match=r"A demo runs in .* already"):
        demo(running, said.append)

    assert alive(running) == {"mongodb", DASHBOARD}
    assert said == []


def test_a_demo_that_finds_a_port_busy_stops_nothing_that_ran_before(running: Settings) -> None:
    """It says that nothing was started, and what `ecom up` had started is still there."""
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        busy = running.model_copy(update={"dashboard_port": somebody.getsockname()[1]})
        with pytest.raises(ConfigurationError, match="ECOM_DASHBOARD_PORT"):
            demo(busy, [].append)

    assert alive(running) == {"mongodb"}
    MONGODB.check(running, 5.0)


def test_what_another_command_has_stopped_is_said_to_be_so(running: Settings) -> None:
    """`ecom down` in another terminal is no fault of the process manager, and needs no second `ecom down`."""
    claimed = Claim(running, Supervisord(Instance.of(running)), {})
    refuse_dead(claimed)
    local.down(running)

    with pytest.raises(UnavailableError, match=r"Another command, such as `ecom down`, has stopped everything"):
        refuse_dead(claimed)
