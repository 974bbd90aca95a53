"""The configuration of the process manager."""

from __future__ import annotations

from configparser import RawConfigParser
from pathlib import Path

from ecom_platform.local.instance import Instance
from ecom_platform.local.programs import Program, render
from ecom_platform.settings import Settings

INSTANCE = Instance(Path("/srv/ecom"))


def section(program: Program) -> dict[str, str]:
    """What is written about a program, as the process manager's parser reads it."""
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(render(INSTANCE, [program]))
    return dict(parser[f"program:{program.name}"])


def test_a_program_is_written_with_how_it_is_stopped_whatever_its_home_is_called() -> None:
    """A whole group, so that no child of a server outlives it; blanks and percent signs survive."""
    written = section(Program("kafka", ["/my java/100%/java", "-x"]))

    assert (written["stopasgroup"], written["killasgroup"], written["stopwaitsecs"]) == ("true", "true", "30")
    assert written["command"] == "'/my java/100%%/java' -x"


def test_logs_are_rotated() -> None:
    """A platform that runs for weeks must not fill the disk with logs."""
    written = section(Program("kafka", ["java"]))

    assert int(written["stdout_logfile_maxbytes"]) * (int(written["stdout_logfile_backups"]) + 1) < 100_000_000


def test_environment_values_are_quoted() -> None:
    """Commas and quotes separate nothing inside a value."""
    written = section(Program("web", ["x"], environment={"LIST": 'a,"b"', "PERCENT": "5%"}))

    assert written["environment"].startswith('LIST="a,\\"b\\"",PERCENT="5%%",')


def test_a_changed_configuration_is_a_changed_program() -> None:
    """Its command is the same; without this a server would go on with its old ports."""
    before, after = (section(Program("kafka", ["java"], configuration=f"port={port}")) for port in (1, 2))

    assert before != after


def test_the_home_does_not_appear_in_the_file() -> None:
    """It may have characters that are read in another way there."""
    home = Path("/a 100% home")

    assert home.name not in render(Instance(home), [Program("kafka", ["java"])])


def test_a_link_to_a_home_is_that_home(tmp_path: Path) -> None:
    """Else the servers of one data folder would be started twice."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    found = {Instance.of(Settings(_env_file=None, home=tmp_path / name)) for name in ("real", "link")}

    assert len(found) == 1
