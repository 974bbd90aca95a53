"""What may not stand in the source, because one careless line of it would open a door."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = [file for folder in ("ecom_platform", "dashboard") for file in (ROOT / folder).rglob("*.py")]


@pytest.mark.parametrize(
    "pattern",
    [
        r"unsafe_allow_html",
        r"\bst\.html\((?!_STYLE\))",  # a style sheet of ours is no data
        r"components\.v1",
        r"^\s*(import|from) (c?pickle|marshal|shelve|dill|joblib)\b",
        r"\byaml\.(unsafe_)?load\b",
        r"shell=True",
        r"(?<![.\w])(eval|exec)\(",
        r"\$(where|function|accumulator)\b",
        r"spark\.jars\.packages",
    ],
)
def test_no_source_has_it(pattern: str) -> None:
    """HTML from data, objects from bytes, programs from text, or anything downloaded while it runs."""
    expression = re.compile(pattern, re.MULTILINE)
    assert [str(file.relative_to(ROOT)) for file in SOURCES if expression.search(file.read_text())] == []


def test_local_data_and_passwords_are_never_committed() -> None:
    """The home of an instance and the secrets of a deployment are ignored by git."""
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".ecom/", "secrets/"} <= set(ignored)


@pytest.mark.parametrize("module", ["ecom_platform.store.client", "dashboard.app", __name__])
def test_what_is_deprecated_is_an_error_where_it_is_ours(module: str) -> None:
    """Of a test run, on every Python."""
    with pytest.raises(DeprecationWarning):
        warnings.warn_explicit("it will be gone", DeprecationWarning, "file.py", 1, module)


def test_what_a_dependency_has_to_mend_fails_no_test_of_ours() -> None:
    """A newer Python calls deprecated what an older one does not; other warnings of a dependency are errors."""
    warnings.warn_explicit("it will be gone", DeprecationWarning, "file.py", 1, "dagster._core.storage")

    with pytest.raises(RuntimeWarning):
        warnings.warn_explicit("it went wrong", RuntimeWarning, "file.py", 1, "dagster._core.storage")
