"""The servers of the Compose file, started by their own scripts and configuration, on ports of this machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ecom_platform.contract import MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES
from ecom_platform.credentials import Role, ensure_credentials
from ecom_platform.local.kafka import KAFKA
from ecom_platform.local.mongod import find_mongod, library_environment
from ecom_platform.runtime.jars import class_path
from ecom_platform.runtime.java import find_java
from ecom_platform.settings import Settings
from ecom_platform_tests.deployment.composition import ROOT, services
from ecom_platform_tests.local.raw_mongodb import answers_zlib, compressors_offered
from ecom_platform_tests.programs import free_ports, until
from ecom_platform_tests.transactions import transaction

pytestmark = pytest.mark.servers

DOCKER = ROOT / "docker"


@dataclass
class Started:
    """Starts programs and ends them after the test."""

    stack: ExitStack
    folder: Path

    def start(self, name: str, command: list[Any], **environment: str) -> subprocess.Popen[bytes]:
        """A program of its own process group; its output is in `NAME.log`."""
        log = self.stack.enter_context((self.folder / f"{name}.log").open("ab"))
        path = f"{Path(sys.executable).parent}:{Path(find_java().program).parent}:{os.environ['PATH']}"
        process = subprocess.Popen(
            [str(word) for word in command],
            env={**os.environ, "PATH": path, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self.stack.callback(end, process)
        return process

    def log(self, name: str) -> str:
        """What a program has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")


def end(process: subprocess.Popen[bytes]) -> None:
    """End the whole group, in order if it likes."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    except ProcessLookupError:
        return


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """A place to start programs from."""
    with ExitStack() as stack:
        yield Started(stack, tmp_path)


def check(service: str, *arguments: str) -> list[str]:
    """The program of a service's health check, with other arguments."""
    test = services()[service]["healthcheck"]["test"]
    program = next(word for word in test if "healthy" in word)
    interpreter = sys.executable if program.endswith(".py") else "bash"
    folder = DOCKER if program.startswith("docker/") else DOCKER / service
    return [interpreter, str(folder / Path(program).name), *arguments]


def passes(command: list[str]) -> bool:
    """Whether a health check does."""
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def kafka_of(folder: Path, broker: int, controller: int) -> dict[str, str]:
    """Kafka's programs from the locked jars, and the configuration with ports and folders of this machine."""
    jars = ":".join(str(path) for path in class_path("kafka"))
    for name, main in {"storage": "kafka.tools.StorageTool", "server-start": "kafka.Kafka"}.items():
        program = folder / f"kafka-{name}.sh"
        program.write_text(f'#!/bin/sh\nexec java -Xmx256m -XX:+UseSerialGC -cp "{jars}" {main} "$@"\n')
        program.chmod(0o755)
    (folder / "kafka-admin.properties").write_text("username=admin\npassword=of-this-test\n")
    text = (DOCKER / "kafka" / "server.properties").read_text()
    changes = {"CLIENTS://:9092": "CLIENTS://127.0.0.1:9092", "kafka:9092": "127.0.0.1:9092", "9092": str(broker)}
    changes |= {"9093": str(controller), "/var/lib/kafka/data": str(folder), "/run/secrets": str(folder)}
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "server.properties").write_text(text)
    return {"KAFKA_BIN": str(folder), "KAFKA_CONFIG": str(folder / "server.properties")}


def ask_kafka(port: int, **login: str) -> int:
    """How many brokers a client with this login is told of."""
    from kafka import KafkaAdminClient

    client = KafkaAdminClient(
        bootstrap_servers=f"127.0.0.1:{port}", bootstrap_timeout_ms=8_000, request_timeout_ms=8_000, **login
    )
    try:
        return len(client.describe_cluster()["brokers"])
    finally:
        client.close()


def send_largest(port: int, **login: str) -> None:
    """Send the largest message of the contract, to a topic that has the broker's own limits."""
    from kafka import KafkaAdminClient, KafkaProducer

    server = f"127.0.0.1:{port}"
    client = KafkaAdminClient(bootstrap_servers=server, **login)
    client.create_topics({"large": {"num_partitions": 1}}, wait_for_metadata=True)
    client.close()
    producer = KafkaProducer(bootstrap_servers=server, max_request_size=MAX_BATCH_BYTES, **login)
    producer.send("large", b"v" * MAX_VALUE_BYTES, key=b"k" * MAX_KEY_BYTES).get(timeout=60)
    producer.close()


@pytest.mark.full
def test_kafka_starts_lets_only_the_admin_in_and_keeps_its_data(started: Started, tmp_path: Path) -> None:
    """By the script and the properties of the Compose file: healthy, closed, and not formatted a second time."""
    from kafka.errors import KafkaError

    broker, controller = free_ports(2)
    environment = kafka_of(tmp_path, broker, controller)
    admin = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN", "sasl_plain_username": "admin"}
    healthy = check("kafka", "127.0.0.1", str(broker))
    assert not passes(healthy)

    first = started.start("kafka", ["bash", DOCKER / "kafka" / "start.sh"], **environment)
    until("healthy Kafka", lambda: passes(healthy))
    assert ask_kafka(broker, sasl_plain_password="of-this-test", **admin) == 1
    send_largest(broker, sasl_plain_password="of-this-test", **admin)
    with pytest.raises(KafkaError):
        ask_kafka(broker, sasl_plain_password="another", **admin)
    with pytest.raises(KafkaError):
        ask_kafka(broker)
    end(first)
    assert not passes(healthy)

    identity = (tmp_path / "log" / "meta.properties").read_text()
    started.start("kafka", ["bash", DOCKER / "kafka" / "start.sh"], **environment)
    until("healthy Kafka again", lambda: passes(healthy))
    assert (tmp_path / "log" / "meta.properties").read_text() == identity
    assert started.log("kafka").count("Formatting") == 1
    assert "of-this-test" not in started.log("kafka")


@pytest.mark.full
def test_kafka_of_the_compose_file_takes_transactions_of_a_producer_whose_id_begins_with_its_role(
    started: Started, tmp_path: Path
) -> None:
    """By the rules that the service `setup` gives it."""
    from kafka.errors import TransactionalIdAuthorizationFailedError

    broker, controller = free_ports(2)
    environment = kafka_of(tmp_path, broker, controller)
    started.start("kafka", ["bash", DOCKER / "kafka" / "start.sh"], **environment)
    healthy = check("kafka", "127.0.0.1", str(broker))
    until("healthy Kafka", lambda: passes(healthy))
    ensure_credentials(tmp_path, "kafka")
    settings = Settings(
        _env_file=None,
        home=tmp_path / "home",
        role=Role.ADMIN,
        kafka_bootstrap_servers=f"127.0.0.1:{broker}",
        kafka_credentials=tmp_path,
    )
    KAFKA.provision(settings)
    producer = settings.model_copy(update={"role": Role.PRODUCER})

    with transaction(producer, "producer-shop-1") as shop:
        sent = shop.send(settings.topic, b"{}")
    assert sent.get(1).offset == 0
    with pytest.raises(TransactionalIdAuthorizationFailedError), transaction(producer, "shop-1"):
        pass


def test_mongod_starts_closed_with_a_key_that_only_it_can_read(started: Started, tmp_path: Path) -> None:
    """By the script of the Compose file; the image's own start is left out, so that there is no user at all."""
    from pymongo import MongoClient
    from pymongo.errors import OperationFailure

    (port,) = free_ports(1)
    for name, text in {"mongodb-keyfile": "a" * 64, "mongodb-admin.properties": "username=admin\npassword=x\n"}.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o644)
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "db").mkdir()
    stub = tmp_path / "entrypoint"
    program = find_mongod(Settings(_env_file=None))
    libraries = library_environment(program, tmp_path / "libraries")
    # Without the listening on all addresses, which a test must not do.
    stub.write_text(f'#!/bin/bash\nshift 2\nexec "{program}" "$@"\n')
    stub.chmod(0o755)

    command = ["bash", DOCKER / "mongodb" / "start.sh", *services()["mongodb"]["command"]]
    command += ["--bind_ip", "127.0.0.1", "--port", port, "--dbpath", tmp_path / "db", "--nounixsocket"]
    started.start("mongod", command, SECRETS=str(tmp_path), OWN_FOLDER=str(own), ENTRYPOINT=str(stub), **libraries)

    with MongoClient[Any](f"mongodb://127.0.0.1:{port}/?directConnection=true", serverSelectionTimeoutMS=500) as client:
        until("mongod", lambda: answers(client))
        assert client.admin.command("hello")["isreplicaset"] is True
        assert "zlib" not in compressors_offered(port)  # CVE-2025-14847
        assert not answers_zlib(port)
        with pytest.raises(OperationFailure, match="requires authentication"):
            client.admin.command("createUser", "me", pwd="x", roles=["root"])
    assert {file.name: file.stat().st_mode & 0o777 for file in own.iterdir()} == {
        "keyfile": 0o600,
        "username": 0o600,
        "password": 0o600,
    }
    assert (own / "username").read_text() == "admin\n"


def answers(client: Any) -> bool:
    """Whether it does."""
    from pymongo.errors import PyMongoError

    try:
        return bool(client.admin.command("ping")["ok"])
    except PyMongoError:
        return False


def hdfs_of(folder: Path) -> dict[str, int]:
    """The configuration of HDFS with ports and folders of this machine; the ports by what they were."""
    ports = dict(zip((9000, 9870, 9866, 9864, 9867), free_ports(5), strict=True))
    for name in ("core-site.xml", "hdfs-site.xml", "log4j.properties"):
        text = (DOCKER / "hdfs" / name).read_text()
        text = re.sub(r"(namenode|0\.0\.0\.0):(\d{4})", lambda found: f"127.0.0.1:{ports[int(found[2])]}", text)
        text = text.replace(">0.0.0.0<", ">127.0.0.1<").replace(">datanode<", ">127.0.0.1<")
        (folder / name).write_text(text.replace("/var/lib/hdfs", str(folder / "data")))
    (folder / "data").mkdir()
    return {"rpc": ports[9000], "namenode": ports[9870], "datanode": ports[9864]}


@pytest.mark.full
def test_hdfs_starts_keeps_files_and_is_not_formatted_again(started: Started, tmp_path: Path) -> None:
    """By the script and the files of the Compose file, up to a file that is still there after both were restarted."""
    import hdfs_native

    ports = hdfs_of(tmp_path)
    environment = {"HDFS_CONFIG": str(tmp_path), "HDFS_SCRATCH": str(tmp_path / "scratch"), "HDFS_HEAP": "-Xmx256m"}
    health = {name: check(name, name, f"127.0.0.1:{ports[name]}") for name in ("namenode", "datanode")}
    client = hdfs_native.Client(f"hdfs://127.0.0.1:{ports['rpc']}")
    for ready in (lambda: writes(client), lambda: reads(client) == b"kept"):
        running = []
        for name in ("namenode", "datanode"):
            running.append(started.start(name, [DOCKER / "hdfs" / "start.sh", name], **environment))
            until(f"healthy {name}", lambda name=name: passes(health[name]))
        until("HDFS", ready)
        for process in reversed(running):
            end(process)
        assert not any(passes(one) for one in health.values())
    assert not (tmp_path / "data" / "namenode.formatting").exists()


def writes(client: Any) -> bool:
    """Whether HDFS takes a file: a DataNode that has just come has not told of any room yet."""
    import hdfs_native

    try:
        with client.create("/kept", hdfs_native.WriteOptions(overwrite=True)) as file:
            file.write(b"kept")
    except (OSError, RuntimeError, ValueError):
        return False
    return True


def reads(client: Any) -> bytes | None:
    """The file, once its block has been reported."""
    try:
        with client.read("/kept") as file:
            return bytes(file.read())
    except (OSError, RuntimeError, ValueError):
        return None


def test_the_tools_that_the_checks_use_are_here() -> None:
    """The health check of Kafka needs them in its image as well, which has BusyBox."""
    assert all(shutil.which(tool) for tool in ("timeout", "head", "od", "tr"))
