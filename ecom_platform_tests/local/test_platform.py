"""The real servers: started, found, killed, started again, ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hdfs_native
import psutil
import pytest

from ecom_platform import local
from ecom_platform.credentials import Role, ensure_credentials, read_credential
from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.local.hdfs import HDFS
from ecom_platform.local.instance import Instance
from ecom_platform.local.mongodb import MONGODB
from ecom_platform.local.platform import up
from ecom_platform.local.processes import processes
from ecom_platform.local.server import as_admin
from ecom_platform.local.supervisord import Supervisord
from ecom_platform.settings import Settings, load_settings
from ecom_platform.store import MongoDatabase, connect
from ecom_platform_tests.canary import files_with_passwords, processes_with_passwords
from ecom_platform_tests.conftest import FREE_PORTS, Platform
from ecom_platform_tests.everywhere import grant_everywhere
from ecom_platform_tests.programs import LOOPBACK, listening, until

pytestmark = pytest.mark.servers


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Settings]:
    """An instance of its own, of which the tests start the MongoDB only: it is up in a second."""
    home = tmp_path / "a home with blänks (and a path) that is deeper than that of a socket may be" / ("deep" * 20)
    settings = Settings(_env_file=None, home=home, **FREE_PORTS)
    yield settings
    local.down(settings)


def start(settings: Settings) -> Settings:
    """Start the MongoDB of a small instance."""
    return up(settings, servers=(MONGODB,))


def answers(settings: Settings) -> bool:
    """Whether the MongoDB of these settings takes a command."""
    try:
        MONGODB.check(settings, 2.0)
    except UnavailableError:
        return False
    return True


def write_and_read(settings: Settings) -> None:
    """A file through HDFS."""
    client = hdfs_native.Client(settings.hdfs_uri)
    with client.create("/proof", hdfs_native.WriteOptions(overwrite=True)) as file:
        file.write(b"orders")
    with client.read("/proof") as file:
        assert file.read() == b"orders"
    client.delete("/proof")


def test_status_names_what_is_up_and_where(platform: Platform) -> None:
    """The part of the answer that programs rely on."""
    found = local.status(platform.settings)

    assert json.loads(json.dumps(found)) == found
    assert (
        found["kafka"].items() >= {"up": True, "bootstrap_servers": platform.settings.kafka_bootstrap_servers}.items()
    )
    assert (
        found["mongodb"].items() >= {"up": True, "uri": platform.settings.mongodb_uri, "database": "ecommerce"}.items()
    )
    assert found["hdfs"].items() >= {"up": True, "uri": platform.settings.hdfs_uri}.items()
    assert found["stream"]["words"].startswith(f"{found['stream']['lag']:,} events behind.")


def test_status_says_of_a_program_that_was_stopped_by_a_signal_that_it_does_nothing(platform: Platform) -> None:
    """To the process manager it runs."""
    pid = platform.pid("datanode")
    process = psutil.Process(pid)
    process.suspend()
    try:
        until("the stop", lambda: process.status() == psutil.STATUS_STOPPED)
        assert local.status(platform.settings, ())["programs"]["datanode"] == {"state": "SUSPENDED", "pid": pid}
    finally:
        process.resume()
    until("the going on", lambda: process.status() != psutil.STATUS_STOPPED)
    assert local.status(platform.settings, ())["programs"]["datanode"] == {"state": "RUNNING", "pid": pid}


def test_everything_listens_on_this_machine_only(platform: Platform) -> None:
    """No server has a password, so none may be reached from elsewhere."""
    found = processes(Instance.of(platform.settings))

    assert set() < listening(found) <= LOOPBACK


def test_no_process_shows_a_password(platform: Platform) -> None:
    """Neither in the list of processes nor in the environment that its children get."""
    instance = Instance.of(platform.settings)
    assert processes_with_passwords(instance.credentials, processes(instance)) == []


def test_no_server_unpacks_anything_outside_of_its_home(platform: Platform) -> None:
    """Libraries that a JVM loads would stay in /tmp after a kill, and cannot be loaded where it is `noexec`."""
    found = processes(Instance.of(platform.settings))
    mapped = {Path(row.path) for process in found for row in process.memory_maps()}
    places = (platform.settings.home, Path(sys.prefix), platform.settings.jar_cache.expanduser())
    temporary = {path for path in mapped if path.is_relative_to(tempfile.gettempdir())}

    assert list((platform.settings.home / "tmp" / "hdfs").glob("jetty-*")), "what the status pages unpack"
    assert {path for path in temporary if not any(map(path.is_relative_to, places))} == set()


def test_a_password_that_is_shown_is_found(tmp_path: Path) -> None:
    """The search of the tests sees what it looks for."""
    folder = tmp_path / "credentials"
    ensure_credentials(folder, "kafka")
    secret = read_credential(folder, "kafka", Role.STREAM).password
    log = tmp_path / "a.log"
    log.write_bytes(b"\x00\xff" + secret.encode() + b"\x00")
    waits = [sys.executable, "-c", "print('begun', flush=True); input()", secret]
    with subprocess.Popen(waits, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as shown:
        assert shown.stdout is not None
        shown.stdout.readline()  # before that it may have no command line yet
        found = processes_with_passwords(folder, [psutil.Process(shown.pid)])

    assert len(found) == 1
    assert files_with_passwords(folder, [tmp_path]) == [str(log)]
    log.unlink()  # the run looks at its end whether any was left


def test_up_again_leaves_the_servers_alone(platform: Platform) -> None:
    """The same processes go on."""
    before = [platform.pid(name) for name in ("kafka", "mongodb", "namenode", "datanode")]

    platform.ensure_up()

    assert [platform.pid(name) for name in ("kafka", "mongodb", "namenode", "datanode")] == before


@pytest.mark.parametrize("program", ["kafka", "mongodb", "namenode", "datanode"])
def test_a_killed_server_comes_back(platform: Platform, program: str) -> None:
    """By itself; `up` waits until it answers."""
    killed = platform.pid(program)
    os.kill(killed, signal.SIGKILL)

    platform.ensure_up()

    assert platform.pid(program) != killed
    assert all(local.status(platform.settings)[key]["up"] for key in ("kafka", "mongodb", "hdfs"))
    # At once: the NameNode goes on counting a DataNode that was killed a moment ago as alive.
    write_and_read(platform.settings)


def test_the_transaction_of_a_killed_stream_ends_soon(db: MongoDatabase) -> None:
    """The default of a minute would block the next stream."""
    found = db.client.admin.command({"getParameter": 1, "transactionLifetimeLimitSeconds": 1})

    assert found["transactionLifetimeLimitSeconds"] == 15


def test_hdfs_keeps_its_files_in_the_home_whatever_that_is_called(small: Settings) -> None:
    """Hadoop escapes some paths itself; done twice, the files would lie somewhere else."""
    up(small, servers=(HDFS,))

    assert (small.home / "data" / "datanode" / "current" / "VERSION").exists()
    assert (small.home / "data" / "namenode" / "current" / "VERSION").exists()


def test_two_instances_live_side_by_side(platform: Platform, small: Settings) -> None:
    """Ending one does not touch the other."""
    started = start(small)
    assert started.mongodb_uri != platform.settings.mongodb_uri

    local.down(small)

    assert not answers(started)
    assert answers(platform.settings)


def test_other_commands_find_what_was_started(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is ended."""
    monkeypatch.setenv("ECOM_HOME", str(small.home))
    started = start(small)
    assert load_settings().mongodb_uri == started.mongodb_uri

    local.down(small)

    assert load_settings().mongodb_uri == ""
    assert load_settings().mongodb_port == started.mongodb_port


def test_down_ends_everything_after_the_manager_was_killed(small: Settings) -> None:
    """And a second time nothing is left to do."""
    started = start(small)
    os.kill(Supervisord(Instance.of(small)).pid(), signal.SIGKILL)
    assert answers(started)

    assert local.down(small) == 1
    assert not answers(started)
    assert local.down(small) == 0


def test_up_mends_what_a_killed_manager_left_behind(small: Settings) -> None:
    """The data is what it was."""
    started = start(small)
    with connect(started) as client:
        client.ecommerce.kept.insert_one({"_id": 1})
    os.kill(Supervisord(Instance.of(small)).pid(), signal.SIGKILL)

    again = start(small)

    assert Supervisord(Instance.of(small)).alive()
    with connect(again) as client:
        assert client.ecommerce.kept.count_documents({}) == 1


def test_a_server_moves_to_another_port(small: Settings) -> None:
    """With its data: the replica set learns its new address."""
    first = start(small)
    moved = start(small.model_copy(update={"mongodb_port": first.mongodb_port + 1}))

    assert moved.mongodb_uri != first.mongodb_uri
    assert answers(moved)
    assert not answers(first)


def test_a_busy_port_is_named_before_anything_is_started(small: Settings) -> None:
    """With the setting that changes it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            ConfigurationError, match=rf"port {port} of MongoDB.*ECOM_MONGODB_PORT.*Nothing was started"
        ):
            start(small.model_copy(update={"mongodb_port": port}))

    assert processes(Instance.of(small)) == []


def test_a_server_that_a_person_names_is_used_and_never_ended(platform: Platform, small: Settings) -> None:
    """Nothing of ours is started for it."""
    named = small.model_copy(
        update={
            "mongodb_uri": platform.settings.mongodb_uri,
            "mongodb_credentials": platform.settings.mongodb_credentials,
            "mongodb_database": "test_named_elsewhere",
        }
    )
    started = start(named)
    assert started.mongodb_uri == platform.settings.mongodb_uri
    assert "mongodb" not in local.status(named)["programs"]

    local.down(named)

    assert answers(platform.settings)
    grant_everywhere(platform.settings)
    with connect(as_admin(platform.settings, "mongodb")) as client:
        client.drop_database("test_named_elsewhere")


def test_a_server_that_refuses_its_key_is_reported_with_the_way_out(small: Settings) -> None:
    """Not with a line of its log; and a mode that a copy has lost is put right without a word."""
    start(small)
    local.down(small)
    key = small.home / "credentials" / "mongodb-keyfile"
    key.chmod(0o644)
    start(small)
    local.down(small)
    key.write_text("short")

    with pytest.raises(ConfigurationError, match=r"MongoDB died.*key file.*Delete.*mongodb-keyfile"):
        start(small)

    key.unlink()
    assert answers(start(small))


def test_a_server_that_dies_at_once_is_reported_with_its_own_words(small: Settings) -> None:
    """And does not go on dying in the background."""
    with pytest.raises(UnavailableError, match=r"MongoDB died.*mongodb\.log"):
        start(small.model_copy(update={"mongodb_parameters": "noSuchParameter=1"}))

    assert Supervisord(Instance.of(small)).states()["mongodb"].state == "STOPPED"
