"""What an operator relies on in docker-compose.yml, without any container engine."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from ecom_platform.settings import Settings, load_settings
from ecom_platform_tests.deployment.composition import (
    FILE,
    ROOT,
    commands,
    compose,
    environment,
    is_one_shot,
    own_services,
    services,
    sources,
)

SERVICES = services()
STORES = ("kafka", "mongodb", "namenode", "datanode", "postgres")
JVMS = ("kafka", "namenode", "datanode", "code-server")


def test_it_is_a_compose_file() -> None:
    """By the published schema of the specification."""
    checker = Path(sys.executable).parent / "check-jsonschema"
    done = subprocess.run(
        [checker, "--builtin-schema", "vendor.compose-spec", FILE], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_one_exact_version(name: str) -> None:
    """Three numbers, or two where the project counts so; never what is newest today."""
    tag = SERVICES[name]["image"].partition(":")[2]
    assert re.fullmatch(r"\d+\.\d+(\.\d+)?(-[a-z]+)?", tag), tag


def test_the_own_image_has_the_version_of_the_package() -> None:
    """An upgrade builds a new image instead of changing an old one."""
    version = re.search(r'version="([^"]+)"', (ROOT / "setup.py").read_text())
    assert version is not None
    assert {one["image"] for one in own_services().values()} == {f"ecom-platform:{version[1]}"}


@pytest.mark.parametrize("name", SERVICES)
def test_only_screens_are_published_and_only_on_loopback(name: str) -> None:
    """Docker's own firewall rules would pass by those of the host."""
    published = SERVICES[name].get("ports", [])
    assert not published or name in ("dashboard", "webserver", "viewer", "proxy")
    assert all(str(port).startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("name", STORES)
def test_a_data_store_cannot_be_reached_from_outside(name: str) -> None:
    """It publishes nothing, and all of its networks are internal."""
    networks = compose()["networks"]
    assert "ports" not in SERVICES[name]
    assert "network_mode" not in SERVICES[name]
    assert SERVICES[name]["networks"]
    assert all(networks[network].get("internal") is True for network in SERVICES[name]["networks"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_little(name: str) -> None:
    """No root, no new rights, no capabilities, no writing outside of volumes, no more memory than agreed."""
    service = SERVICES[name]
    user = str(service["user"])
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), user
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert not service.get("privileged")
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["pids_limit"] > 0


@pytest.mark.parametrize("name", SERVICES)
def test_a_log_cannot_fill_the_disk(name: str) -> None:
    """Ten megabytes, five times."""
    assert SERVICES[name]["logging"] == {"driver": "local", "options": {"max-size": "10m", "max-file": "5"}}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_stays_is_watched_and_started_again(name: str) -> None:
    """What is meant to end is neither."""
    service = SERVICES[name]
    assert ("healthcheck" in service) is not is_one_shot(service)
    assert is_one_shot(service) or service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_it_needs(name: str) -> None:
    """For health where that is watched, for the end of what is meant to end; within its profile."""
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        ends = is_one_shot(SERVICES[needed])
        assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy")
        profiles = SERVICES[needed].get("profiles")
        assert profiles is None or profiles == SERVICES[name].get("profiles")


@pytest.mark.parametrize("kind", ["networks", "volumes", "secrets", "configs"])
def test_what_is_named_exists_and_what_exists_is_named(kind: str) -> None:
    """A reference to nothing fails only at the start; something unused is a mistake as well."""
    used: set[str] = set()
    for service in SERVICES.values():
        entries = [one for one in service.get(kind, []) if not (isinstance(one, dict) and one.get("type") == "bind")]
        used.update(sources(entries))
    assert used == set(compose()[kind])


def test_a_service_sees_only_the_secrets_of_its_roles() -> None:
    """The whole table: whoever adds a line here gives somebody more than before."""
    every = {name for name in compose()["secrets"] if name.endswith(".properties")}
    assert {name: set(sources(one["secrets"])) for name, one in SERVICES.items() if one.get("secrets")} == {
        "kafka": {"kafka-admin.properties"},
        "mongodb": {"mongodb-admin.properties", "mongodb-keyfile"},
        "mongodb-replica-set": {"mongodb-admin.properties"},
        "postgres": {"postgres-password"},
        "setup": every,
        "dagster-storage": {"postgres-password"},
        "code-server": {"postgres-password"}
        | {f"kafka-{role}.properties" for role in ("orchestrator", "stream")}
        | {f"mongodb-{role}.properties" for role in ("archiver", "kpi", "orchestrator", "stream")},
        "daemon": {"postgres-password"},
        "webserver": {"postgres-password"},
        "viewer": {"postgres-password"},
        "dashboard": {"mongodb-dashboard.properties"},
        "shop": {"postgres-password", "mongodb-orchestrator.properties"},
        "simulator": {"kafka-simulator.properties", "mongodb-simulator.properties"},
        "proxy": {"proxy-users"},
        "operator": {"kafka-operator.properties", "mongodb-operator.properties"},
    }


def test_there_is_a_secret_for_every_login_of_a_role() -> None:
    """`setup` makes them known to the servers, all at once."""
    from ecom_platform.credentials import ROLES_OF

    logins = {f"{server}-{role}.properties" for server, roles in ROLES_OF.items() for role in roles}
    assert {name for name in compose()["secrets"] if name.endswith(".properties")} == logins


def test_secrets_are_files_that_are_never_built_into_an_image() -> None:
    """All of them in one folder, which the builder leaves out, as git does (test_source_rules.py)."""
    assert all(re.fullmatch(r"secrets/[\w.-]+", one["file"]) for one in compose()["secrets"].values())
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in kept
    assert not any("secrets" in line for line in kept if line.startswith("!"))


def _words(value: Any) -> Iterator[str]:
    match value:
        case dict():
            for one in value.values():
                yield from _words(one)
        case list():
            for one in value:
                yield from _words(one)
        case _:
            yield str(value)


@pytest.mark.parametrize("name", SERVICES)
def test_no_value_is_a_password(name: str) -> None:
    """Where a password, token or key is meant, the value is a file or a folder; and no address holds one."""
    service = SERVICES[name]
    for variable, value in environment(service).items():
        if re.search(r"PASS|SECRET|TOKEN|CREDENTIAL|KEY", variable):
            assert value.startswith(("/run/secrets", "/secrets")), variable
    assert not [word for word in _words(service) if re.search(r"//[^/@]*:[^/@]+@", word)]


@pytest.mark.parametrize("name", [name for name, one in own_services().items() if environment(one)])
def test_the_settings_are_settings(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every ECOM_* variable is a field, and the platform's own code takes the values."""
    given = {key: value for key, value in environment(SERVICES[name]).items() if key.startswith("ECOM_")}
    for key, value in given.items():
        monkeypatch.setenv(key, value)

    settings = load_settings(_env_file=None)

    names = {key.removeprefix("ECOM_").lower() for key in given}
    assert names <= set(Settings.model_fields)
    assert names <= settings.model_fields_set


def test_a_variable_of_the_operator_has_a_safe_default() -> None:
    """Without any of them the file is complete; see `composition`, which fills in the defaults."""
    own = {"OPERATOR", "PROXY_ADDRESS", "PROXY_DOMAIN", "PROXY_TLS"}
    used = set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    assert own <= used
    assert all(name.removeprefix("ECOM_").lower() in Settings.model_fields for name in used - own)
    assert all(re.findall(r"\$\{\w+(:-[^}]+)?\}", FILE.read_text()))
    assert "${" not in str(compose())


@pytest.mark.parametrize("name", SERVICES)
def test_native_libraries_of_java_can_be_loaded(name: str) -> None:
    """JVMs unpack those of their compression into /tmp, which is not executable unless that is said."""
    options = [option for mount in SERVICES[name].get("tmpfs", []) for option in mount.partition(":")[2].split(",")]
    assert ("exec" in options) == (name in JVMS)


@pytest.mark.parametrize("name", SERVICES)
def test_files_in_memory_are_bounded(name: str) -> None:
    """They count as memory of the service, and by default half of the machine's is allowed."""
    mounts = SERVICES[name].get("tmpfs", [])
    assert mounts
    assert all(re.search(r"size=\d+m\b", mount) for mount in mounts)


@pytest.mark.parametrize(("name", "words"), [*commands()])
def test_a_command_is_one_that_exists(name: str, words: list[str]) -> None:
    """Its program and subcommands are found, and every option is taken by the very version that is locked."""
    del name
    program, *arguments = words
    if program.startswith("docker/"):
        assert (ROOT / program).stat().st_mode & 0o111
        return
    if program == "python":
        done = subprocess.run([sys.executable, *arguments, "--help"], capture_output=True, check=False, cwd=ROOT)
        assert done.returncode == 0
        return
    assert (Path(sys.executable).parent / program).exists()
    _parse(_group(program), program, arguments)


def _group(program: str) -> Any:
    """The command line of a program, as its own entry point has it."""
    match program:
        case "ecom":
            from ecom_platform.cli import cli as group
        case "dagster":
            from dagster._cli import create_dagster_cli

            group = create_dagster_cli()
        case "dagster-daemon":
            from dagster._daemon.cli import create_dagster_daemon_cli

            group = create_dagster_daemon_cli()
        case "dagster-webserver":
            from dagster_webserver.cli import dagster_webserver as group
        case "streamlit":
            from streamlit.web.cli import main as group
    return group


def _parse(command: Any, name: str, arguments: list[str]) -> None:
    """Raises the usage error of click for an unknown subcommand, option or argument."""
    while hasattr(command, "commands"):
        name, *arguments = arguments
        assert name in command.commands, name
        command = command.commands[name]
    assert isinstance(command, click.Command) or hasattr(command, "make_context")
    command.make_context(name, list(arguments))
