"""The process manager's socket on systems with and without a short name for a deep folder."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.local.instance import Instance
from ecom_platform.local.sockets import connect, listening_path

SHALLOW, DEEP = Instance(Path("/srv/ecom")), Instance(Path("/srv") / ("deep" * 30))


def test_linux_knows_a_short_name_of_every_home() -> None:
    """The manager runs in it."""
    assert listening_path(DEEP, linux=True) == Path("/proc/self/cwd/run/supervisor.sock")


def test_elsewhere_the_path_is_the_path_and_a_deep_home_is_refused() -> None:
    """With the setting that names another, before anything is started."""
    assert listening_path(SHALLOW, linux=False) == SHALLOW.socket
    with pytest.raises(ConfigurationError, match=r"too deep.*Nothing was started.*ECOM_HOME"):
        listening_path(DEEP, linux=False)


@pytest.mark.parametrize("linux", [True, False])
def test_both_ways_reach_who_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, linux: bool) -> None:
    """A client says hello."""
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind("manager.sock")
        server.listen(1)
        connect(client, tmp_path / "manager.sock" if linux else Path("manager.sock"), linux=linux)
        client.sendall(b"hello")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(5) == b"hello"
