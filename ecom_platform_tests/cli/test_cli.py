"""The command line: one sentence and a stable exit code for every error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ecom_platform import errors
from ecom_platform.cli import cli, run
from ecom_platform_tests.conftest import Ecom


@pytest.fixture
def ecom(command_line: Ecom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ecom:
    """The command line with an ECOM_HOME of its own; a person's .env stays out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ECOM_HOME", str(tmp_path))
    return command_line


def all_errors() -> list[type[errors.EcomError]]:
    """Every error of the tree."""
    return [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, errors.EcomError)]


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: error.__name__)
def test_every_deliberate_error_is_one_sentence_and_its_exit_code(
    error: type[errors.EcomError], capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing else is printed."""

    def command() -> None:
        raise error("The lamp is off. Switch it on.")

    assert run(command) == error.exit_code
    assert capsys.readouterr() == ("", "Error: The lamp is off. Switch it on.\n")


def test_a_bug_leaves_its_trace_in_a_file_and_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person reads one sentence; the trace is kept for whoever mends it."""
    monkeypatch.setenv("ECOM_HOME", str(tmp_path))

    assert run(lambda: 1 // 0) == 1

    said = capsys.readouterr().err
    [file] = (tmp_path / "logs").iterdir()
    assert str(file) in said
    assert "Traceback" not in said
    assert "ZeroDivisionError" in file.read_text()


def test_what_the_system_refuses_is_no_bug(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder where a file should be; the file is named, and no bug is reported."""
    monkeypatch.setenv("ECOM_HOME", str(tmp_path))

    assert run(tmp_path.read_text) == errors.ConfigurationError.exit_code

    said = capsys.readouterr().err
    assert f"Is a directory ({tmp_path})" in said
    assert "bug" not in said


def test_a_bug_is_told_where_no_file_can_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then its trace is on the screen."""
    monkeypatch.setenv("ECOM_HOME", str(tmp_path / "file" / "home"))
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".ecom").touch()

    assert run(lambda: 1 // 0) == 1

    assert "ZeroDivisionError" in capsys.readouterr().err


def test_ctrl_c_is_no_error_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    """Shells expect 130."""

    def command() -> None:
        raise KeyboardInterrupt

    assert run(command) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["simulate", "--rate", "fast"],
        ["simulate", "--rate", "max"],
        ["simulate", "--orders", "0"],
        ["stream", "--supervised", "--available-now"],
        ["reset"],
        ["status", "--yaml"],
        ["archive", "--where", "99999999999999999999"],
        ["kpi", "--warehouse", "9" * 5_000],
        ["kpi", "--courier", "-1"],
    ],
    ids=" ".join,
)
def test_bad_input_is_refused_in_a_sentence(ecom: Ecom, tmp_path: Path, arguments: list[str]) -> None:
    """Exit code 2, nothing on stdout, no trace, nothing made."""
    done = ecom(*arguments)

    assert (done.code, done.out) == (2, "")
    assert "Traceback" not in done.err
    assert "Error: " in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"ECOM_KAFKA_PORT": "many"}, "ECOM_KAFKA_PORT"),
        ({"ECOM_JAVA_HOME": "/nowhere"}, "Let ECOM_JAVA_HOME name one"),
        ({"ECOM_KAFKA_PORT": "20011", "ECOM_MONGODB_PORT": "20011"}, "ECOM_MONGODB_PORT are both 20011"),
        ({"ECOM_MONGODB_DATABASE": "my.shop"}, "ECOM_MONGODB_DATABASE: Value error, a database has"),
        ({"ECOM_MONGODB_DATABASE": "admin"}, "MongoDB's own"),
        ({"ECOM_TOPIC": ""}, "ECOM_TOPIC: Value error, a topic has 1 to 249"),
        ({"ECOM_TOPIC": "my orders"}, "ECOM_TOPIC"),
        ({"ECOM_CONSUMER_GROUP": " "}, "ECOM_CONSUMER_GROUP"),
        ({"ECOM_SPARK_MASTER": "localhost"}, "ECOM_SPARK_MASTER: Value error, a master is local"),
        ({"ECOM_CURRENCY": "\x1b[31m"}, "ECOM_CURRENCY"),
        ({"ECOM_MONGOD": "/nowhere/mongod"}, "ECOM_MONGOD"),
        ({"ECOM_JAR_CACHE": "/dev/null/jars"}, "ECOM_JAR_CACHE to a folder"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_up_names_the_setting_that_is_wrong(
    ecom: Ecom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], named: str
) -> None:
    """Exit code 3, before any server is started."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    done = ecom("up")

    assert done.code == 3
    assert named in done.err
    assert "Traceback" not in done.err
    assert not (tmp_path / "run" / "supervisord.pid").exists()


@pytest.mark.parametrize("command", [["simulate", "--orders", "1"], ["stream"], ["reconcile"]], ids=" ".join)
def test_commands_say_that_the_servers_are_not_up(ecom: Ecom, command: list[str]) -> None:
    """And which command starts them."""
    done = ecom(*command)

    assert done.code in (3, 4)
    assert "ecom up" in done.err
    assert "Traceback" not in done.err


def test_status_of_nothing_is_an_answer(ecom: Ecom, monkeypatch: pytest.MonkeyPatch) -> None:
    """All three are down, each with the address it would have."""
    monkeypatch.setenv("ECOM_KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    found = json.loads(ecom("status", "--json").out)

    assert found["kafka"]["up"] is False
    assert found["kafka"]["bootstrap_servers"] == "127.0.0.1:1"
    assert found["mongodb"] == {"up": False, "uri": "", "local": True, "database": "ecommerce", "reason": "not started"}
    assert found["hdfs"]["up"] is False


def test_down_and_reset_of_nothing_are_fine(ecom: Ecom, tmp_path: Path) -> None:
    """Both may be repeated."""
    assert "Nothing was running" in ecom("down").out
    assert ecom("down").code == 0
    assert ecom("reset", "--yes").code == 0
    assert not tmp_path.exists()


def test_reset_deletes_no_folder_that_is_not_an_instance(ecom: Ecom, tmp_path: Path) -> None:
    """A mistyped ECOM_HOME must not cost anybody their files."""
    precious = tmp_path / "thesis.tex"
    precious.write_text("twenty years")

    assert ecom("reset", "--yes").code == 3
    assert precious.read_text() == "twenty years"


def test_the_installed_program_ends_with_the_same_codes(tmp_path: Path) -> None:
    """Once as a person runs it: the sentence on stderr, the code in the shell."""
    program = Path(sys.executable).parent / "ecom"
    done = subprocess.run([program, "reset"], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: This deletes {tmp_path / '.ecom'}")


def test_every_command_has_a_sentence_of_help() -> None:
    """`ecom --help` is the table of contents."""
    assert [name for name, command in cli.commands.items() if not (command.help or "").strip()] == []
