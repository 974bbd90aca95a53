"""One setting, and what is said to MongoDB and Kafka is encrypted, and said only to whom our authority knows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from kafka import KafkaAdminClient
from kafka.errors import KafkaError
from pymongo import MongoClient
from pymongo.errors import ServerSelectionTimeoutError

from ecom_platform import local
from ecom_platform.errors import UnavailableError
from ecom_platform.kafka.client import java_options, python_options
from ecom_platform.kafka.topic import TopicReader
from ecom_platform.local.kafka import KAFKA
from ecom_platform.local.mongodb import MONGODB
from ecom_platform.local.platform import up
from ecom_platform.settings import Settings
from ecom_platform.store import connect
from ecom_platform_tests.conftest import FREE_PORTS

pytestmark = pytest.mark.servers

TRY_KAFKA = """
import logging, sys
from ecom_platform.errors import EcomError
from ecom_platform.settings import Settings
from ecom_platform.kafka.topic import TopicReader
logging.basicConfig(level=logging.DEBUG)
try:
    TopicReader(Settings.model_validate_json(sys.argv[1]), timeout_seconds=3.0)
except EcomError as error:
    print(type(error).__name__)
"""
SHORT = {"bootstrap_timeout_ms": 4000, "request_timeout_ms": 4000}


def folder_of(authority: trustme.CA, folder: Path) -> Path:
    """What ECOM_TLS names: the authority's certificate, and key and certificate of the local servers."""
    folder.mkdir()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    issued = authority.issue_cert("127.0.0.1", "localhost")
    key = load_pem_private_key(issued.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    (folder / "server.pem").write_bytes(pkcs8 + chain)
    return folder


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A Kafka and a MongoDB with certificates of an authority of this test."""
    base = tmp_path_factory.mktemp("tls")
    settings = Settings(_env_file=None, home=base / "home", tls=folder_of(trustme.CA(), base / "tls"), **FREE_PORTS)
    try:
        yield up(settings, servers=(KAFKA, MONGODB))
    finally:
        local.down(settings)


@pytest.fixture
def stranger(encrypted: Settings, tmp_path: Path) -> Settings:
    """The same, for a program that trusts another authority."""
    return encrypted.model_copy(update={"tls": folder_of(trustme.CA(), tmp_path / "other")})


def test_everything_of_ours_connects_encrypted(encrypted: Settings) -> None:
    """Both servers were provisioned so, and answer to roles."""
    with connect(encrypted) as client:
        assert client[encrypted.mongodb_database].orders.count_documents({}) == 0
    with TopicReader(encrypted) as reader:
        assert set(reader.state().end) == {0, 1}


def test_plaintext_is_refused(encrypted: Settings) -> None:
    """By both servers, before any login."""
    with (
        MongoClient(encrypted.mongodb_uri, serverSelectionTimeoutMS=2000) as client,
        pytest.raises(ServerSelectionTimeoutError),
    ):
        client.admin.command("ping")
    plain = python_options(encrypted.model_copy(update={"tls": None}))
    with pytest.raises(KafkaError):
        KafkaAdminClient(**plain, **SHORT)


def test_a_server_of_another_authority_is_not_spoken_to(stranger: Settings) -> None:
    """No password is sent to it."""
    with pytest.raises(UnavailableError, match="certificate verify failed"):
        connect(stranger, timeout_seconds=2.0)
    # In a process of its own: kafka-python leaves the sockets of a refused handshake open, and complains about it.
    tried = [sys.executable, "-c", TRY_KAFKA, stranger.model_dump_json()]
    done = subprocess.run(tried, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "UnavailableError"
    assert "CERTIFICATE_VERIFY_FAILED" in done.stderr.upper().replace(" ", "_")


def test_spark_is_told_the_same(encrypted: Settings) -> None:
    """Protocol and authority; the password stays in its file."""
    assert encrypted.tls is not None
    options = java_options(encrypted)

    assert options["security.protocol"] == "SASL_SSL"
    assert options["ssl.truststore.location"] == str(encrypted.tls / "ca.pem")
    assert "${file:" in options["sasl.jaas.config"]
