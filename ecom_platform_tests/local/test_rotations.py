"""The rotations of docs/operations.md that no command does: the admins of both servers, and the replica set's key."""

from __future__ import annotations

from pathlib import Path

import pytest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from ecom_platform import local
from ecom_platform.credentials import Role, credential_file, new_credential, read_credential
from ecom_platform.errors import ConfigurationError
from ecom_platform.files import write_atomically
from ecom_platform.kafka.client import python_options
from ecom_platform.local.instance import Instance
from ecom_platform.local.kafka import KAFKA
from ecom_platform.local.mongodb import KEY_FILE, MONGODB
from ecom_platform.local.platform import up
from ecom_platform.settings import Settings
from ecom_platform.store import connect

pytestmark = [pytest.mark.servers, pytest.mark.full]


def folder_of(settings: Settings) -> Path:
    """Where its credentials are."""
    return Instance.of(settings).credentials


def as_role(settings: Settings, role: Role) -> Settings:
    """The settings of a program of this role."""
    return settings.model_copy(update={"role": role})


def describe_as(settings: Settings, role: Role, **options: object) -> None:
    """Log in to Kafka and ask something; `options` replace what the files say."""
    said = python_options(as_role(settings, role)) | options
    with KafkaAdminClient(**said, bootstrap_timeout_ms=4000, request_timeout_ms=4000) as client:
        client.describe_cluster()


def test_kafkas_admin_gets_a_new_password_when_its_file_is_deleted_while_it_is_down(own: Settings) -> None:
    """The new one is taken, the old one refused, and the other roles keep theirs."""
    up(own, servers=(KAFKA,))
    before = read_credential(folder_of(own), "kafka", Role.ADMIN).password
    local.down(own)
    credential_file(folder_of(own), "kafka", Role.ADMIN).unlink()
    started = up(own, servers=(KAFKA,))

    assert read_credential(folder_of(own), "kafka", Role.ADMIN).password != before
    describe_as(started, Role.ADMIN)
    describe_as(started, Role.OPERATOR)
    with pytest.raises(KafkaError):
        describe_as(started, Role.ADMIN, sasl_plain_password=before)


def test_mongodbs_admin_is_changed_in_mongodb_and_then_in_its_file(own: Settings) -> None:
    """The next start uses the new password, and the old one is refused."""
    started = up(own, servers=(MONGODB,))
    file = credential_file(folder_of(own), "mongodb", Role.ADMIN)
    old, new = file.read_text(), new_credential(Role.ADMIN)
    with connect(as_role(started, Role.ADMIN)) as client:
        client.admin.command("updateUser", "admin", pwd=new.split("password=")[1].strip())
    write_atomically(file, new)
    local.down(own)
    started = up(own, servers=(MONGODB,))
    MONGODB.check(started, 5.0)

    write_atomically(file, old)
    with pytest.raises(ConfigurationError, match="refused the credentials"):
        connect(as_role(started, Role.ADMIN))


def test_the_key_of_the_replica_set_is_made_anew_when_it_is_deleted_while_it_is_down(own: Settings) -> None:
    """Its one member knows no other, so that nothing else has to be told."""
    up(own, servers=(MONGODB,))
    key = folder_of(own) / KEY_FILE
    before = key.read_text()
    local.down(own)
    key.unlink()
    started = up(own, servers=(MONGODB,))

    assert key.read_text() != before
    MONGODB.check(started, 5.0)
