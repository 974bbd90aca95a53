"""The command line: one sentence and a stable exit code for every error."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ecom_platform import errors
from ecom_platform.cli import cli, run

NO_KAFKA = {"ECOM_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}


class Ecom:
    """The command line in this process, with an ECOM_HOME of its own."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.home, self._monkeypatch, self._capsys = home, monkeypatch, capsys
        monkeypatch.chdir(home)  # a person's .env stays out
        monkeypatch.setenv("ECOM_HOME", str(home))

    def __call__(self, *arguments: str, **variables: str) -> Done:
        """Run a command."""
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)
        code = run(lambda: cli.main(args=arguments, prog_name="ecom", standalone_mode=False))
        said = self._capsys.readouterr()
        return Done(code, said.out, said.err)


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def ecom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ecom:
    """`ecom("status", "--json", ECOM_...="...")`."""
    return Ecom(tmp_path, monkeypatch, capsys)


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
def test_bad_input_is_refused_in_a_sentence(ecom: Ecom, arguments: list[str]) -> None:
    """Exit code 2, nothing on stdout, no trace, nothing made."""
    done = ecom(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "Error: " in done.stderr
    assert list(ecom.home.iterdir()) == []


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
def test_up_names_the_setting_that_is_wrong(ecom: Ecom, variables: dict[str, str], named: str) -> None:
    """Exit code 3, before any server is started."""
    done = ecom("up", **variables)

    assert done.returncode == 3
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert not (ecom.home / "run" / "supervisord.pid").exists()


@pytest.mark.parametrize("command", [["simulate", "--orders", "1"], ["stream"], ["reconcile"]], ids=" ".join)
def test_commands_say_that_the_servers_are_not_up(ecom: Ecom, command: list[str]) -> None:
    """And which command starts them."""
    done = ecom(*command)

    assert done.returncode in (3, 4)
    assert "ecom up" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_of_nothing_is_an_answer(ecom: Ecom) -> None:
    """All three are down, each with the address it would have."""
    found = json.loads(ecom("status", "--json", **NO_KAFKA).stdout)

    assert found["kafka"]["up"] is False
    assert found["kafka"]["bootstrap_servers"] == "127.0.0.1:1"
    assert found["mongodb"] == {"up": False, "uri": "", "local": True, "database": "ecommerce", "reason": "not started"}
    assert found["hdfs"]["up"] is False


def test_down_and_reset_of_nothing_are_fine(ecom: Ecom) -> None:
    """Both may be repeated."""
    assert "Nothing was running" in ecom("down").stdout
    assert ecom("down").returncode == 0
    assert ecom("reset", "--yes").returncode == 0
    assert not ecom.home.exists()


def test_reset_deletes_no_folder_that_is_not_an_instance(ecom: Ecom) -> None:
    """A mistyped ECOM_HOME must not cost anybody their files."""
    precious = ecom.home / "thesis.tex"
    precious.write_text("twenty years")

    done = ecom("reset", "--yes")

    assert done.returncode == 3
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
