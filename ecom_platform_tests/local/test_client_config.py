"""What a client of one's own is told, and new passwords."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from kafka import KafkaProducer
from pymongo import MongoClient

from ecom_platform.contract import MAX_KEY_BYTES, MAX_VALUE_BYTES
from ecom_platform.credentials import ROLES_OF, Role, credential_file, ensure_credentials, read_credential
from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.local.client_config import connection, export, kafka_properties, rotate
from ecom_platform.runtime.jars import class_path
from ecom_platform.runtime.java import find_java
from ecom_platform.settings import Settings
from ecom_platform.store import connect
from ecom_platform_tests.conftest import Ecom, Platform
from ecom_platform_tests.everywhere import grant_everywhere


def values(file: str) -> dict[str, str]:
    """The lines of a credential file, read by somebody who has only its description."""
    return dict(line.split("=", 1) for line in Path(file).read_text().splitlines())


def test_a_shop_of_ones_own_can_send_with_what_it_is_told(ecom: Ecom, topic: str) -> None:
    """The largest message of the contract, with nothing else than the answer, in which no password stands."""
    code, said, _ = ecom("connect", "producer", "--json")
    told = json.loads(said)["kafka"]
    login = values(told["credentials_file"])
    producer = KafkaProducer(
        bootstrap_servers=told["bootstrap_servers"],
        security_protocol=told["security_protocol"],
        sasl_mechanism=told["sasl_mechanism"],
        sasl_plain_username=login["username"],
        sasl_plain_password=login["password"],
        max_request_size=told["max_request_bytes"],
    )
    sent = producer.send(told["topic"], b"v" * MAX_VALUE_BYTES, key=b"k" * MAX_KEY_BYTES).get(timeout=20)
    producer.close()

    assert code == 0
    assert sent.topic == topic
    assert login["password"] not in said


def test_kafkas_own_tools_accept_the_configuration_that_is_printed(
    ecom: Ecom, settings: Settings, topic: str, tmp_path: Path
) -> None:
    """A tool of Kafka, in Java, logs in as the operator with it and describes the topic; no password stands in it."""
    code, said, _ = ecom("connect", "operator", "--kafka-config")
    (tmp_path / "operator.properties").write_text(said)
    assert settings.kafka_credentials
    password = values(str(credential_file(settings.kafka_credentials, "kafka", Role.OPERATOR)))["password"]
    jars = ":".join(str(jar) for jar in class_path("kafka", settings.jar_cache))
    tool = [find_java(settings.java_home).program, "-cp", jars, "kafka.admin.ConfigCommand"]
    tool += ["--bootstrap-server", settings.kafka_bootstrap_servers, "--command-config", "operator.properties"]
    told = subprocess.run(
        [*tool, "--describe", "--topic", topic],
        cwd=tmp_path,
        env={**os.environ, "LC_ALL": "C.UTF-8"},  # the test's home has an umlaut, which Java finds by the locale
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (code, told.returncode) == (0, 0), told.stderr
    assert topic in told.stdout
    assert password not in said


def test_json_and_a_configuration_are_not_asked_for_at_once(command_line: Ecom) -> None:
    """Whoever parses the answer is not given lines of another form without a word."""
    done = command_line("connect", "operator", "--json", "--kafka-config")

    assert (done.code, done.out) == (2, "")
    assert "either --json or --kafka-config" in done.err


def test_a_role_that_kafka_does_not_know_gets_no_configuration_of_it(tmp_path: Path) -> None:
    """An analyst reads MongoDB only; the text says who may, and nothing is printed."""
    known = Settings(_env_file=None, kafka_bootstrap_servers="127.0.0.1:9092", kafka_credentials=tmp_path)
    with pytest.raises(ConfigurationError, match=r"analyst could connect to. Roles of Kafka: .*operator"):
        kafka_properties(known, Role.ANALYST)


def test_an_analyst_can_read_with_what_it_is_told(ecom: Ecom, db) -> None:
    """Address, database and the file; a table without --json."""
    db.orders.insert_one({"_id": 1})
    told = json.loads(ecom("connect", "analyst", "--json")[1])["mongodb"]
    login = values(told["credentials_file"])
    with MongoClient(
        told["uri"],
        username=login["username"],
        password=login["password"],
        authSource=told["auth_source"],
        authMechanism=told["auth_mechanism"],
    ) as client:
        assert client[told["database"]].orders.count_documents({}) == 1

    assert told["credentials_file"] in ecom("connect", "analyst")[1]


def test_the_login_of_whoever_asks_is_not_handed_on(tmp_path: Path) -> None:
    """A user in the address of the server is the operator's; the client is told its own."""
    ensure_credentials(tmp_path, "mongodb")
    uri = "mongodb://operator:hunter2@127.0.0.1:27017/?replicaSet=rs0"
    told = connection(Settings(_env_file=None, mongodb_uri=uri, mongodb_credentials=tmp_path), Role.ANALYST)["mongodb"]

    assert told["uri"] == "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    assert told["credentials_file"] == str(tmp_path / "mongodb-analyst.properties")


def test_without_a_server_the_next_command_is_said(tmp_path: Path) -> None:
    """No client is sent to an address that does not exist."""
    with pytest.raises(ConfigurationError, match="ecom up"):
        connection(Settings(_env_file=None, home=tmp_path), Role.PRODUCER)


def test_the_files_of_a_deployment_are_made_once(tmp_path: Path) -> None:
    """One per role and server, and the key of the replica set; a second time changes nothing."""
    made = export(tmp_path / "secrets")
    texts = [file.read_text() for file in made]

    assert len(made) == sum(map(len, ROLES_OF.values())) + 1
    assert export(tmp_path / "secrets") == []
    assert [file.read_text() for file in made] == texts


def test_a_role_gets_a_new_password_and_the_old_one_is_refused(platform: Platform) -> None:
    """In its file and in the server, while everything runs."""
    settings = platform.settings.model_copy(update={"role": Role.ANALYST})
    folder = settings.mongodb_credentials
    assert folder is not None
    before = read_credential(folder, "mongodb", Role.ANALYST)

    changed = rotate(platform.settings, Role.ANALYST)
    grant_everywhere(platform.settings)

    assert changed == [credential_file(folder, "mongodb", Role.ANALYST)]
    assert read_credential(folder, "mongodb", Role.ANALYST) != before
    connect(settings).close()
    old = settings.mongodb_uri.replace("://", f"://analyst:{before.password}@") + "&authSource=admin"
    with pytest.raises(ConfigurationError, match="refused the credentials"):
        connect(settings.model_copy(update={"mongodb_uri": old}))


def test_a_server_that_does_not_take_the_new_password_keeps_the_old_one(platform: Platform) -> None:
    """The file is what it was, so that everything goes on."""
    gone = platform.settings.model_copy(update={"mongodb_uri": "mongodb://127.0.0.1:1/?replicaSet=ecom"})
    folder = gone.mongodb_credentials
    assert folder is not None
    before = read_credential(folder, "mongodb", Role.KPI)

    with pytest.raises(UnavailableError):
        rotate(gone, Role.KPI)

    assert read_credential(folder, "mongodb", Role.KPI) == before


def test_the_admin_is_not_changed_while_servers_run(tmp_path: Path) -> None:
    """They know it by the old password; the text says where it is written how."""
    with pytest.raises(ConfigurationError, match=r"docs/operations\.md"):
        rotate(Settings(_env_file=None, home=tmp_path), Role.ADMIN)


@pytest.mark.parametrize("arguments", [(), ("--to", "x", "--rotate", "kpi")])
def test_credentials_does_one_thing_at_a_time(command_line: Ecom, arguments: tuple[str, ...]) -> None:
    """Nothing is done until it is clear what."""
    done = command_line("credentials", *arguments)

    assert done.code == 2
    assert "--to FOLDER or --rotate ROLE" in done.err
