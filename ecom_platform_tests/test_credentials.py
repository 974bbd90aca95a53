"""Passwords are made once, per installation, and are seen by nobody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ecom_platform.credentials import ROLES_OF, Role, ensure_credentials, read_credential
from ecom_platform.errors import ConfigurationError
from ecom_platform.settings import Settings, load_settings


def test_two_installations_have_different_passwords(tmp_path: Path) -> None:
    """Nothing is preset."""
    for name in ("one", "other"):
        ensure_credentials(tmp_path / name, "mongodb")

    one, other = (read_credential(tmp_path / name, "mongodb", Role.STREAM) for name in ("one", "other"))
    assert one.username == other.username == "stream"
    assert one.password != other.password


def test_what_is_there_is_never_made_anew(tmp_path: Path) -> None:
    """The servers know the old ones; only what is missing is made."""
    ensure_credentials(tmp_path, "kafka")
    before = {file: file.read_text() for file in tmp_path.iterdir()}
    lost = tmp_path / "kafka-producer.properties"
    lost.unlink()

    assert ensure_credentials(tmp_path, "kafka") == [lost]
    after = {file: file.read_text() for file in tmp_path.iterdir()}
    assert {file for file in before if before[file] != after[file]} == {lost}


def test_files_and_their_folder_are_their_owners_alone_and_passwords_differ_by_role(tmp_path: Path) -> None:
    """From the first moment: they are made so, of 256 random bits each."""
    folder = tmp_path / "credentials"
    for server in ROLES_OF:
        ensure_credentials(folder, server)
    passwords = [read_credential(folder, server, role).password for server in ROLES_OF for role in ROLES_OF[server]]

    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert len(set(passwords)) == len(passwords)
    assert min(map(len, passwords)) >= 43


def test_a_printed_credential_hides_its_password(tmp_path: Path) -> None:
    """Also in the trace of an error that shows local variables."""
    ensure_credentials(tmp_path, "kafka", [Role.STREAM])
    credential = read_credential(tmp_path, "kafka", Role.STREAM)

    assert credential.password not in repr(credential)


@pytest.mark.parametrize("text", ["", "username=stream\n", "password=x\n", "stream:x\n"])
def test_a_file_that_cannot_be_used_is_named_without_its_content(tmp_path: Path, text: str) -> None:
    """The error says which lines it must have."""
    file = tmp_path / "mongodb-stream.properties"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"mongodb-stream\.properties must have a line username=") as refusal:
        read_credential(tmp_path, "mongodb", Role.STREAM)
    assert not text or text.strip() not in str(refusal.value)


def test_a_missing_file_says_what_makes_it(tmp_path: Path) -> None:
    """Which role, which server, which file."""
    with pytest.raises(ConfigurationError, match=r"credential of kpi for mongodb.*ecom up.*ECOM_ROLE"):
        read_credential(tmp_path, "mongodb", Role.KPI)


Load = Callable[..., Settings]
FAR = {
    "ECOM_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092,broker.example:9092",
    "ECOM_MONGODB_URI": "mongodb://user:hunter2@mongo.example:27017/?replicaSet=rs0",
    "ECOM_HDFS_URI": "hdfs://namenode.example:9000",
}
FAR_IN_PART = [
    "mongodb://127.0.0.1:1,far.example:2/",
    "mongodb://[::1]:1,[fe80::2]:2/",
    "mongodb://tls=true:secret@far.example/",
    "mongodb://far.example/?tls=TRUE",
    "mongodb+srv://far.example/?tls=false",
]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """`load(ECOM_…="…")`: the settings that follow from these variables, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def load(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return load


@pytest.mark.parametrize(
    ("name", "address"), [*FAR.items(), *(("ECOM_MONGODB_URI", address) for address in FAR_IN_PART)]
)
def test_plaintext_to_another_host_is_refused(load: Load, name: str, address: str) -> None:
    """Before anything is sent, and without the password.

    Every host of an address is looked at, and TLS is what the driver takes for it, not what looks like it.
    """
    with pytest.raises(ConfigurationError, match=rf"{name} names another host.*ECOM_ALLOW_INSECURE") as refusal:
        load(**{name: address})
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", FAR)
def test_plaintext_to_another_host_can_be_allowed(load: Load, name: str) -> None:
    """For a network of one's own."""
    assert load(**{name: FAR[name]}, ECOM_ALLOW_INSECURE="true").allow_insecure


@pytest.mark.parametrize("name", ["ECOM_KAFKA_BOOTSTRAP_SERVERS", "ECOM_MONGODB_URI"])
def test_another_host_with_tls_needs_no_permission(load: Load, tmp_path: Path, name: str) -> None:
    """One setting is enough for both."""
    assert load(**{name: FAR[name]}, ECOM_TLS=str(tmp_path)).tls == tmp_path


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://localhost/?replicaSet=a",
        "mongodb://127.0.0.1:1,[::1]:2/",
        "mongodb://[::1],127.0.0.1/",
        "mongodb://user:p%40ss@LOCALHOST:1/",
        "mongodb://%2Ftmp%2Fmongodb-27017.sock/",
        "mongodb://far.example/?ssl=true",
        "mongodb+srv://far.example/",
        "mongodb://[::1",
    ],
)
def test_loopback_and_addresses_with_tls_are_no_plaintext(load: Load, uri: str) -> None:
    """As the driver reads them; `mongodb+srv` is TLS by definition, and what it cannot read it refuses itself."""
    assert load(ECOM_MONGODB_URI=uri).mongodb_uri == uri


@pytest.mark.parametrize("uri", ["hdfs://[::1:9000", "hdfs://namenode:x", "hdfs://namenode:99999"])
def test_an_hdfs_address_that_makes_no_sense_is_named(load: Load, uri: str) -> None:
    """By its setting, and not with a trace from where it is used."""
    with pytest.raises(ConfigurationError, match="ECOM_HDFS_URI"):
        load(ECOM_HDFS_URI=uri)


def test_passwords_of_the_local_server_are_not_for_another(load: Load, tmp_path: Path) -> None:
    """Who names a server of their own is not logged in there with ours."""
    (tmp_path / "endpoints.json").write_text(
        '{"mongodb_uri": "mongodb://127.0.0.1:1/", "mongodb_credentials": "/home/x", "kafka_credentials": "/home/x"}'
    )
    assert load(ECOM_HOME=str(tmp_path)).mongodb_credentials == Path("/home/x")
    assert load(ECOM_MONGODB_URI="mongodb://127.0.0.1:2/").mongodb_credentials is None


def test_settings_that_are_printed_hold_no_password(tmp_path: Path) -> None:
    """They name folders."""
    ensure_credentials(tmp_path, "mongodb")
    settings = Settings(_env_file=None, mongodb_credentials=tmp_path)
    secret = read_credential(tmp_path, "mongodb", Role.OPERATOR).password
    assert secret not in repr(settings) + settings.model_dump_json()
