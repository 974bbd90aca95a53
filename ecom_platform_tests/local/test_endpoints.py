"""Ports, addresses and the record of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.local import endpoints
from ecom_platform.local.instance import Instance
from ecom_platform.settings import Settings, load_settings


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """An empty instance, which is also the one that `load_settings` reads."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ECOM_HOME", str(tmp_path))
    return Instance(tmp_path)


def test_zero_becomes_a_free_port_and_other_values_stay(instance: Instance) -> None:
    """Every 0 becomes another port."""
    settings = Settings(_env_file=None, home=instance.home, kafka_port=0, mongodb_port=0, hdfs_port=9111)

    ports = endpoints.choose_ports(settings, ["kafka_port", "mongodb_port", "hdfs_port"])

    assert ports["hdfs_port"] == 9111
    assert len({0, *ports.values()}) == 4


def test_zero_is_the_port_that_another_command_chose_meanwhile(instance: Instance) -> None:
    """Two `ecom up` at once: the second found no record before it was its turn, and must not move the servers."""
    settings = Settings(_env_file=None, home=instance.home, kafka_port=0, mongodb_port=9111)
    endpoints.write(instance, {"kafka_port": 20123, "mongodb_port": 20124})

    ports = endpoints.choose_ports(settings, ["kafka_port", "mongodb_port"], endpoints.read(instance))

    assert ports == {"kafka_port": 20123, "mongodb_port": 9111}


def test_two_settings_cannot_name_one_port(instance: Instance) -> None:
    """The text names both."""
    settings = Settings(_env_file=None, home=instance.home, kafka_port=9111, hdfs_port=9111)

    with pytest.raises(ConfigurationError, match="ECOM_KAFKA_PORT and ECOM_HDFS_PORT are both 9111"):
        endpoints.choose_ports(settings, ["kafka_port", "hdfs_port"])


def test_a_port_somebody_listens_on_is_not_free() -> None:
    """Free again when they have gone."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not endpoints.port_is_free(port)

    assert endpoints.port_is_free(port)


def test_recorded_addresses_are_what_the_settings_then_say(instance: Instance) -> None:
    """Other commands find what `ecom up` started."""
    endpoints.write(instance, {"kafka_bootstrap_servers": "127.0.0.1:20123", "kafka_port": 20123})

    settings = load_settings()

    assert (settings.kafka_bootstrap_servers, settings.kafka_port) == ("127.0.0.1:20123", 20123)
    assert endpoints.is_ours("kafka_bootstrap_servers", settings, instance)


def test_an_address_that_a_person_names_is_not_ours(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """It wins over the record, and nothing is started for it."""
    endpoints.write(instance, {"kafka_bootstrap_servers": "127.0.0.1:20123"})
    monkeypatch.setenv("ECOM_KAFKA_BOOTSTRAP_SERVERS", "broker.example:9092")
    monkeypatch.setenv("ECOM_ALLOW_INSECURE", "true")

    assert not endpoints.is_ours("kafka_bootstrap_servers", load_settings(), instance)


def test_an_address_that_another_command_has_forgotten_meanwhile_is_ours(instance: Instance) -> None:
    """`ecom down` and `ecom up` at once: who waited for the lock must start the server, and not look for it."""
    endpoints.write(instance, {"kafka_bootstrap_servers": "127.0.0.1:20123", "kafka_port": 20123})
    settings = load_settings()
    endpoints.forget_addresses(instance)

    assert endpoints.is_ours("kafka_bootstrap_servers", settings, instance)
    assert endpoints.is_ours("kafka_bootstrap_servers", settings.model_copy(update={"topic": "more"}), instance)


def test_ports_outlive_the_addresses(instance: Instance) -> None:
    """The next start takes the same ports, so that what stores addresses in its data still finds itself."""
    endpoints.write(instance, {"mongodb_uri": "mongodb://127.0.0.1:20124", "mongodb_port": 20124})

    endpoints.forget_addresses(instance)

    assert json.loads(instance.endpoints.read_text()) == {"mongodb_port": 20124}


@pytest.mark.parametrize("name", ["a#home", "100%", "a;home", "it's home", "a,home", "a\thome", "\udcff"])
def test_a_home_whose_name_would_be_misread_is_refused(tmp_path: Path, name: str) -> None:
    """Before anything is made in it."""
    with pytest.raises(ConfigurationError, match="ECOM_HOME"):
        Instance(tmp_path / name).create()

    assert list(tmp_path.iterdir()) == []


def test_a_record_that_cannot_be_read_is_written_anew(instance: Instance) -> None:
    """A crash of the machine may leave an empty file."""
    instance.endpoints.write_text("")

    endpoints.write(instance, {"kafka_port": 1})

    assert endpoints.read(instance) == {"kafka_port": 1}


def test_a_home_that_somebody_else_made_is_refused_with_their_name(tmp_path: Path) -> None:
    """One command with sudo is enough; without a word from us, the first file to be written would be the complaint."""
    Instance(tmp_path / "home").create()
    (tmp_path / "home" / "run").chmod(0o500)
    question = (
        "import sys, pathlib; from ecom_platform.local.instance import Instance; "
        "Instance(pathlib.Path(sys.argv[1])).create()"
    )
    # Root may write everywhere, unless this right is taken.
    powerless = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    argv = [*powerless, sys.executable, "-c", question, str(tmp_path / "home")]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    owner = (tmp_path / "home").owner()
    assert f"not writable, and of the user {owner}: {tmp_path}/home/run" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a disk")
def test_a_home_on_a_disk_that_runs_no_programs_is_refused(tmp_path: Path) -> None:
    """Everything would start; then Kafka would refuse snappy and zstd with an unknown error."""
    question = (
        "import sys, pathlib; from ecom_platform.local.instance import Instance; "
        "home = Instance(pathlib.Path(sys.argv[1])); home.create(); home.refuse_noexec()"
    )
    mount = f"mount -t tmpfs -o noexec tmpfs '{tmp_path}' && exec '{sys.executable}' -c '{question}' '{tmp_path}/home'"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", mount], capture_output=True, text=True, check=False)

    assert f"{tmp_path}/home is on a disk that runs no programs" in done.stderr
