"""One real platform for each process of a run, started by its first test that needs it; each test has names of its own.

Tests that take `platform`, `settings`, `topic` or `db` are marked `servers` by that; what starts its own servers says
so. `make test` runs in two processes, each with servers of its own; the tests of a module stay together, so that they
share what the module starts.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from uuid import uuid4

import pytest

from ecom_platform import local
from ecom_platform.cli import cli, run
from ecom_platform.local.instance import Instance
from ecom_platform.local.kafka import ensure_topic
from ecom_platform.local.server import as_admin
from ecom_platform.local.supervisord import Supervisord
from ecom_platform.settings import Settings
from ecom_platform.store import MongoDatabase, database
from ecom_platform.store.process_identity import ProcessIdentity, identify
from ecom_platform_tests.canary import files_with_passwords
from ecom_platform_tests.everywhere import grant_everywhere
from ecom_platform_tests.processes import kill_what_is_left, longest_first

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

HOME_PREFIX = "ecom tests ü-"  # people have such folders
OWNER_FILE = "owner.json"
ABOUT_THIS_MACHINE = ("ECOM_JAVA_HOME", "ECOM_MONGOD", "ECOM_JAR_CACHE")


class Done(NamedTuple):
    """A command that ended: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


Ecom = Callable[..., Done]
"""`ecom("status", "--json")`."""
RUN = pytest.StashKey[str]()
STARTED_BY = {"servers": {"platform", "mongod"}, "browser": {"tabs"}}
"""The fixtures that start something, by the mark of the tests that take them."""
FREE_PORTS = {name: 0 for name in Settings.model_fields if name.endswith("_port")}


@dataclass(frozen=True)
class Platform:
    """The Kafka, mongod and HDFS of this run."""

    settings: Settings

    def pid(self, program: str) -> int:
        """The process number of `kafka`, `mongodb`, `namenode` or `datanode`."""
        pid = Supervisord(Instance.of(self.settings)).states()[program].pid
        assert pid is not None, f"{program} does not run"
        return pid

    def ensure_up(self) -> None:
        """Wait until everything answers again, for instance after a kill."""
        local.up(self.settings)
        grant_everywhere(self.settings)


def pytest_configure() -> None:
    """Let nothing of the person's own instance into the tests, and end orderly when told to."""
    for name in [name for name in os.environ if name.startswith("ECOM_") and name not in ABOUT_THIS_MACHINE]:
        del os.environ[name]
    signal.signal(signal.SIGTERM, _interrupt)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Remember the name of the run, which all that its processes start have in their environment."""
    node.config.stash[RUN] = node.workerinput["testrunuid"]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test by what its fixtures start: that cannot be forgotten."""
    taken = set(getattr(item, "fixturenames", ()))
    for mark, fixtures in STARTED_BY.items():
        if taken & fixtures:
            item.add_marker(mark)


@pytest.hookimpl(trylast=True)  # after the order was made random
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take longest, and with those that need servers."""
    files = [_file_of(item) for item in items]
    with_servers = {_file_of(item) for item in items if item.get_closest_marker("servers")}
    place = {file: number for number, file in enumerate(longest_first(files, with_servers))}
    items.sort(key=lambda item: place[_file_of(item)])


def pytest_unconfigure(config: pytest.Config) -> None:
    """End what the processes of this run left: told to stop, they have only seconds to end their servers."""
    if run := config.stash.get(RUN, None):
        _end_platforms_of_killed_runs()
        kill_what_is_left(run)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Real servers on free ports under a temporary home; gone after the run, however it ends.

    At the end, no password may stand in anything that the tests and the programs they started have left behind.
    """
    _end_platforms_of_killed_runs()
    home = Path(tempfile.mkdtemp(prefix=HOME_PREFIX))
    (home / OWNER_FILE).write_text(json.dumps(asdict(_this_process())))
    settings = Settings(_env_file=None, home=home, mongodb_parameters="enableTestCommands=1", **FREE_PORTS)
    try:
        settings = local.up(settings)
        grant_everywhere(settings)
        yield Platform(settings)
        left = files_with_passwords(home / "credentials", [home, tmp_path_factory.getbasetemp()])
        assert left == [], "files with a password in them"
    finally:
        local.down(settings)
        shutil.rmtree(home)


@pytest.fixture
def settings(platform: Platform, tmp_path: Path) -> Settings:
    """The addresses of the run's servers with a home, a database and a topic name that are this test's own."""
    name = f"test_{uuid4().hex[:12]}"
    return platform.settings.model_copy(
        update={"home": tmp_path, "mongodb_database": name, "topic": name, "consumer_group": name}
    )


@pytest.fixture
def topic(settings: Settings) -> str:
    """The name of the test's topic, which exists."""
    ensure_topic(as_admin(settings, "kafka"))
    return settings.topic


@pytest.fixture
def db(settings: Settings) -> Iterator[MongoDatabase]:
    """The test's database, empty; gone after the test. The test's own hands are the admin's; the code has its roles."""
    db = database(as_admin(settings, "mongodb"))
    yield db
    db.client.drop_database(db.name)
    db.client.close()


def variables(settings: Settings, *more: str) -> dict[str, str]:
    """The ECOM_* variables by which another process finds the test's servers and its own names in them."""
    own = ("home", "mongodb_database", "topic", "consumer_group", *more)
    servers = ("kafka_bootstrap_servers", "kafka_credentials", "mongodb_uri", "mongodb_credentials", "hdfs_uri")
    return {f"ECOM_{name.upper()}": str(getattr(settings, name) or "") for name in (*own, *servers)}


@pytest.fixture
def own_environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads its settings from the environment finds the run's servers, and the test's own names in them."""
    monkeypatch.chdir(settings.home)
    for name, value in variables(settings).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def command_line(capsys: pytest.CaptureFixture[str]) -> Ecom:
    """The command line in this process."""

    def command(*arguments: str) -> Done:
        code = run(lambda: cli.main(args=list(arguments), prog_name="ecom", standalone_mode=False))
        return Done(code, *capsys.readouterr())

    return command


@pytest.fixture
def ecom(own_environment: None, command_line: Ecom) -> Ecom:
    """The command line on the run's servers, with the test's own names in them."""
    return command_line


@pytest.fixture(scope="module")
def spark(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for the module: starting one takes seconds."""
    from ecom_platform.tabular.spark_session import session_options, start_session

    home = tmp_path_factory.mktemp("spark")
    settings = platform.settings.model_copy(update={"home": home})
    session = start_session(settings, session_options(settings, "a test", master="local[2]"))
    yield session
    session.stop()


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise KeyboardInterrupt


def _this_process() -> ProcessIdentity:
    identity = identify()
    assert identity is not None
    return identity


def _end_platforms_of_killed_runs() -> None:
    for home in Path(tempfile.gettempdir()).glob(f"{HOME_PREFIX}*"):
        try:
            owner = ProcessIdentity(**json.loads((home / OWNER_FILE).read_text()))
        except (OSError, ValueError, TypeError):
            continue
        if owner.is_gone():
            local.down(Settings(_env_file=None, home=home))
            shutil.rmtree(home, ignore_errors=True)
