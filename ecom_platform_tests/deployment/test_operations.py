"""The page for operators says of settings and services what the code and the Compose file say."""

from __future__ import annotations

import re

import pytest

from docs.settings_table import PAGE, READERS, with_table
from ecom_platform.settings import Settings
from ecom_platform_tests.deployment.composition import OWN_IMAGE, compose, services

TEXT = PAGE.read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `ECOM_(\w+)` \| (\S+) \|", TEXT, re.MULTILINE))


def test_every_setting_has_its_row_and_every_row_is_a_setting() -> None:
    """Both ways: what is missing, and what is no longer there."""
    differing = {name.lower() for name in ROWS} ^ set(Settings.model_fields)
    assert not differing, f"docs/operations.md differs in {differing}: python -m docs.settings_table"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_default_in_the_row_is_the_one_in_force(name: str) -> None:
    """Read back from the page, as a person would set it."""
    assert name.upper() in ROWS, "docs/operations.md has no row of it: python -m docs.settings_table"
    shown = ROWS[name.upper()].strip("`")
    default = Settings.model_fields[name].get_default()
    in_force = getattr(Settings(_env_file=None, **{name: default}), name)  # a folder by its whole name
    parsed = in_force if shown == "none" else getattr(Settings(_env_file=None, **{name: shown}), name)
    assert parsed == in_force
    assert (shown == "none") == (default is None or default == "")


def test_it_is_known_who_reads_a_setting() -> None:
    """That cannot be derived, so it must not be forgotten; `python -m docs.settings_table` then writes the table."""
    differing = set(Settings.model_fields) ^ set(READERS)
    assert not differing, f"READERS in docs/settings_table.py differs in {differing}"
    assert with_table(TEXT) == TEXT, "docs/operations.md is not up to date: python -m docs.settings_table"


def test_every_service_is_described() -> None:
    """And none that does not exist."""
    table = TEXT.partition("| service | what it is |")[2].partition("\n\n")[0]
    first = [row.split("|")[1] for row in table.splitlines()[2:]]
    described = set(re.findall(r"`([\w-]+)`", " ".join(re.sub(r"\(profile[^)]*\)", "", cell) for cell in first)))
    assert described == set(services())


def test_every_volume_is_backed_up() -> None:
    """But the proxy's certificates, which it makes again, and what runs have printed."""
    loop = re.search(r"for volume in ([\w -]+); do", TEXT)
    assert loop is not None
    assert set(loop[1].split()) == set(compose()["volumes"]) - {"proxy", "dagster-files"}


def test_the_commands_name_images_of_the_compose_file() -> None:
    """An upgrade there is one here."""
    used = {one["image"] for one in services().values()}
    named = set(re.findall(r"\b((?:caddy|mongo|postgres|apache/kafka):[\w.-]+)", TEXT))
    assert named
    assert named <= {image for image in used if not image.startswith(OWN_IMAGE)}
