"""The image: what its recipe copies exists, and its packages are those that were tested."""

from __future__ import annotations

import re
import shlex

import pytest

from ecom_platform_tests.deployment.composition import ROOT, compose

RECIPE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
INSTRUCTIONS = [line.strip() for line in re.sub(r"\\\n", " ", RECIPE).splitlines() if line.strip()]
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")


def copied() -> list[str]:
    """The sources of every COPY from the clone."""
    lines = [shlex.split(line)[1:] for line in INSTRUCTIONS if line.startswith("COPY ")]
    return [source for words in lines if not words[0].startswith("--from") for source in words[:-1]]


def pins(lock: str) -> dict[str, str]:
    """Package and marker to version."""
    return dict(re.findall(r"^([\w.-]+(?:\[[\w,]+\])?==[^\\\n]+?)( \\)$", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("source", copied())
def test_what_is_copied_exists_and_reaches_the_builder(source: str) -> None:
    """Everything is left out of the builder's context unless .dockerignore lets it in."""
    assert (ROOT / source).exists()
    assert f"!{source.partition('/')[0]}" in IGNORED


def test_what_the_builder_sees_is_copied() -> None:
    """So that nothing is let in by accident."""
    assert {line[1:] for line in IGNORED if line.startswith("!")} == {source.partition("/")[0] for source in copied()}


def test_every_stage_begins_with_the_same_exact_version() -> None:
    """Never with what is newest today."""
    bases = re.findall(r"^FROM (\S+)", RECIPE, re.MULTILINE)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases[0])


def test_it_does_not_run_as_root() -> None:
    """The last word on the user is the one that Compose repeats."""
    users = [line.split()[1] for line in INSTRUCTIONS if line.startswith("USER ")]
    assert users[-1:] == [compose()["x-image"]["user"]]


def test_packages_are_installed_by_hash_only() -> None:
    """Every install names the hashes, or installs the clone itself without asking any registry."""
    steps = [
        step for line in INSTRUCTIONS if line.startswith("RUN ") for step in line.split("&&") if "pip install" in step
    ]
    assert len(steps) == 3
    assert all("--require-hashes" in step or "--no-deps --no-build-isolation --editable ." in step for step in steps)


def test_the_image_has_the_packages_that_were_tested_and_no_tools_of_developers() -> None:
    """Its lock is a part of the other: same versions, same hashes."""
    image, all_of_them = pins("docker/requirements.lock"), pins("requirements.lock")
    assert image.keys() < all_of_them.keys()
    names = {pin.split("==")[0] for pin in image}
    assert {"dagster-postgres", "psycopg2-binary", "dagster", "pyspark", "streamlit"} <= names
    assert names.isdisjoint({"pytest", "mypy", "ruff", "playwright"})
    hashes = set(re.findall(r"sha256:\w+", (ROOT / "docker/requirements.lock").read_text()))
    assert hashes <= set(re.findall(r"sha256:\w+", (ROOT / "requirements.lock").read_text()))


def test_the_installer_is_the_one_of_the_laptop() -> None:
    """`make setup` and the image resolve nothing; they install with the same program, known by its hash."""
    assert "--requirement docker/uv.txt" in (ROOT / "Makefile").read_text()
    assert "--requirement docker/uv.txt" in RECIPE
    assert re.fullmatch(r"uv==[\d.]+( --hash=sha256:[0-9a-f]{64})+\n", (ROOT / "docker" / "uv.txt").read_text())
