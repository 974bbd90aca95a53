"""Which servers are ours to start, on which ports, and the record of it (`ECOM_HOME/endpoints.json`)."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ecom_platform.errors import ConfigurationError
from ecom_platform.files import write_atomically
from ecom_platform.local.instance import Instance
from ecom_platform.settings import Settings

ADDRESSES = ("kafka_bootstrap_servers", "mongodb_uri", "hdfs_uri")
# Below the range the kernel gives to outgoing connections, which could take a port between its choice and its use.
FREE_PORTS = range(20_000, 32_000)


def is_ours(address: str, settings: Settings, instance: Instance) -> bool:
    """Whether the server behind the setting `address` is ours to start: no other one was named.

    What was recorded when the settings were read is ours as well, though another command may have ended it since.
    """
    given = getattr(settings, address)
    return not given or address in settings.from_record or given == read(instance).get(address)


def choose_ports(
    settings: Settings, names: Iterable[str], recorded: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, int]:
    """A port for every setting of `names`: its value, or where that is 0 the recorded one, else a free one.

    The settings were read before the instance was locked: another command may have chosen ports since then, and its
    servers run on them.

    Raises:
        ConfigurationError: two settings name one port.
    """
    ports: dict[str, int] = {}
    for name in names:
        port = getattr(settings, name) or recorded.get(name) or _free_port(list(ports.values()))
        for other, same in ports.items():
            if same == port:
                raise ConfigurationError(
                    f"ECOM_{other.upper()} and ECOM_{name.upper()} are both {port}. Change one; 0 takes a free port."
                )
        ports[name] = port
    return ports


def port_is_free(port: int) -> bool:
    """Whether a server can listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: old connections do not block it
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def read(instance: Instance) -> dict[str, Any]:
    """What was recorded; empty when nothing was or it cannot be read (then it is written again)."""
    try:
        recorded = json.loads(instance.endpoints.read_text())
    except (OSError, ValueError):
        return {}
    return recorded if isinstance(recorded, dict) else {}


def write(instance: Instance, values: dict[str, Any]) -> None:
    """Record these values and keep the others."""
    _replace(instance, {**read(instance), **values})


def forget_addresses(instance: Instance) -> None:
    """Nothing answers any more; the ports stay, so that the next start finds the same ones."""
    recorded = read(instance)
    if recorded:
        _replace(instance, {name: value for name, value in recorded.items() if name not in ADDRESSES})


def _replace(instance: Instance, values: dict[str, Any]) -> None:
    write_atomically(instance.endpoints, f"{json.dumps(values, indent=2)}\n")


def _free_port(taken: Sequence[int]) -> int:
    for port in random.sample(FREE_PORTS, 200):
        if port not in taken and port_is_free(port):
            return port
    raise ConfigurationError("No free port was found on 127.0.0.1. Set the ECOM_*_PORT settings to ports you know.")
