"""What somebody set is a setting, or is refused with the nearest one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.settings import Settings, given_variables, load_settings
from ecom_platform.variables import INTERNAL, unknown, variables_of_file

SETTINGS = list(Settings.model_fields)


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without `.env`."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("ECOM_KAFKA_PROT", "ECOM_KAFKA_PORT"),
        ("ecom_kafka_prot", "ECOM_KAFKA_PORT"),
        ("ECOM_MONGO_URI", "ECOM_MONGODB_URI"),
        ("ECOM_HISTORYSTART", "ECOM_HISTORY_START"),
        ("ECOM_CHECKPOINT_INTERVAL_OF_THE_WHOLE", None),
    ],
)
def test_a_name_that_is_no_setting_is_refused_with_the_nearest(
    name: str, nearest: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the environment; nothing is started with a default that somebody believes to have changed."""
    monkeypatch.setenv(name, "0")

    with pytest.raises(ConfigurationError, match=f"{name} is no setting") as refused:
        load_settings()
    assert nearest is None or nearest in str(refused.value)
    assert unknown([name], SETTINGS) == {name: nearest}


def test_a_misspelt_line_of_a_file_is_refused(empty_folder: Path) -> None:
    """As in the environment; lines of other programs are nothing to us."""
    (empty_folder / ".env").write_text("PROXY_DOMAIN=shop.example.org\nnot a line of ours\nexport ECOM_TOPICS=orders\n")

    with pytest.raises(ConfigurationError, match=r"ECOM_TOPICS is no setting, ECOM_TOPIC is.*\.env"):
        load_settings()


def test_every_setting_and_what_programs_tell_each_other_is_known() -> None:
    """Whatever the case; and other people's variables."""
    names = [f"ECOM_{name.upper()}" for name in SETTINGS]

    assert unknown([*names, *INTERNAL, "ecom_topic", "PATH", "ECOMMERCE_URL"], SETTINGS) == {}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"ECOM_CURRENCY=\xe4\n", r"\.env is not UTF-8 text.*byte 14"),
        ("ECOM_TOPIC=orders".encode("utf-16"), r"\.env is not UTF-8 text"),
        (b"# a comment\nECOM_KAFKA_PORT: 9092\n", r"Line 2 of .*\.env cannot be read.*NAME=value"),
        (b"ECOM_KAFKA_PORT\n", r"Line 1 of .*\.env cannot be read"),
    ],
    ids=["latin-1", "utf-16", "a colon", "no value"],
)
def test_a_file_that_cannot_be_read_is_named(empty_folder: Path, content: bytes, named: str) -> None:
    """With the line, or the byte."""
    (empty_folder / ".env").write_bytes(content)

    with pytest.raises(ConfigurationError, match=named):
        load_settings()


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["", "BOM"])
def test_a_file_means_the_same_whatever_editor_wrote_it(empty_folder: Path, start: str, end: str) -> None:
    """Line ends of Windows, a byte order mark before the first name, quotes, remarks, `export`."""
    lines = ["ECOM_KAFKA_PORT=77", "# ECOM_NOTHING=1", "ECOM_CURRENCY='S Fr'", 'ECOM_SPARK_DRIVER_MEMORY="2g"  # more',
             "export ECOM_CHUNK_EVENTS=7"]  # fmt: skip
    (empty_folder / ".env").write_bytes((start + end.join(lines) + end).encode())
    names = ["ECOM_KAFKA_PORT", "ECOM_CURRENCY", "ECOM_SPARK_DRIVER_MEMORY", "ECOM_CHUNK_EVENTS"]
    settings = load_settings()

    assert variables_of_file(Path(".env")) == names
    found = (settings.kafka_port, settings.currency, settings.spark_driver_memory, settings.chunk_events)
    assert found == (77, "S Fr", "2g", 7)


def test_a_program_in_another_folder_gets_what_was_set_here(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the file, too; a relative path goes on to mean the same place."""
    (empty_folder / ".env").write_text("ECOM_CURRENCY=EUR\nECOM_TLS=certificates\n")
    monkeypatch.setenv("ECOM_ARCHIVE_OLDER_THAN", "12h")

    given = given_variables()

    assert given.items() >= {
        "ECOM_CURRENCY": "EUR", "ECOM_TLS": str(empty_folder / "certificates"), "ECOM_ARCHIVE_OLDER_THAN": "12h",
    }.items()  # fmt: skip
    assert "ECOM_KAFKA_PORT" not in given


@pytest.mark.parametrize("content", ["[]", "5", "{", '{"kafka_port": "x"}', "\udcff"], ids=repr)
def test_a_damaged_record_of_ports_is_named_with_what_to_do(empty_folder: Path, content: str) -> None:
    """No variable is blamed for it."""
    record = empty_folder / ".ecom" / "endpoints.json"
    record.parent.mkdir()
    record.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(ConfigurationError, match=r"endpoints\.json, the record of ports.*Delete it") as refused:
        load_settings()
    assert "ECOM_" not in str(refused.value)


def test_a_folder_that_was_deleted_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal may still be in it."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()

    with pytest.raises(ConfigurationError, match="current folder was deleted"):
        load_settings()
    monkeypatch.chdir(tmp_path)
