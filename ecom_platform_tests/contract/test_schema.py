"""The documentation of the contract says what the code does."""

from __future__ import annotations

import io
import json
import random
import re
from contextlib import redirect_stdout
from typing import Any

import jsonschema
import pytest

from ecom_platform.contract import Decoded, Reason, encode
from ecom_platform.contract.schema import DOCS, SCHEMA_FILE, TEXT_FILE, json_schema, rewrite_tables, schema_text
from ecom_platform.errors import ConfigurationError
from ecom_platform_tests.contract.random_events import any_event
from ecom_platform_tests.contract.test_reasons import DEFECTS
from ecom_platform_tests.contract.wire import EVENTS, Wire, changed, receive

DOCUMENT = (DOCS / TEXT_FILE).read_text(encoding="utf-8")
EXAMPLES: list[Wire] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)]
VALIDATOR = jsonschema.Draft202012Validator(json_schema())
WRITE_AGAIN = "python -m ecom_platform.contract.schema"
BEYOND_A_SCHEMA = {Reason.ID_MISMATCH, Reason.TOTALS_MISMATCH, Reason.OUT_OF_RANGE, Reason.NOT_STORABLE}


def expressible() -> list[Any]:
    """The defects of JSON objects that a schema can see."""
    return [
        pytest.param(message, id=f"{reason}-{what}")
        for reason, what, message in DEFECTS
        if isinstance(message, dict)
        and reason not in BEYOND_A_SCHEMA
        # JSON Schema counts 40000.0 as a whole number, and knows no calendar.
        and what not in ("a whole number with a point", "a day that does not exist")
    ]


def test_the_committed_schema_is_what_the_code_generates() -> None:
    """After a change of the contract it is written again."""
    assert (DOCS / SCHEMA_FILE).read_text(encoding="utf-8") == schema_text(), WRITE_AGAIN


def test_the_committed_tables_are_what_the_code_generates() -> None:
    """After a change of the contract they are written again."""
    assert rewrite_tables(DOCUMENT) == DOCUMENT, WRITE_AGAIN


def test_a_table_that_is_gone_is_not_passed_over() -> None:
    """Whoever deletes a marker is told."""
    with pytest.raises(ConfigurationError, match="markers"):
        rewrite_tables("# No markers\n")


def test_the_schema_is_a_schema() -> None:
    """Of the version that it names."""
    jsonschema.Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("seed", range(3))
def test_the_schema_accepts_everything_the_platform_writes(seed: int) -> None:
    """Random events of all kinds."""
    chance = random.Random(seed)
    for _ in range(100):
        VALIDATOR.validate(json.loads(encode(any_event(chance))))


@pytest.mark.parametrize("event_type", EVENTS)
def test_the_schema_accepts_foreign_and_extended_events(event_type: str) -> None:
    """Unknown fields are allowed, and `schema_version` may be absent."""
    wire = changed(event_type, colour="blue")
    del wire["schema_version"]

    VALIDATOR.validate(wire)


@pytest.mark.parametrize("message", expressible())
def test_the_schema_refuses_what_the_platform_refuses(message: Wire) -> None:
    """A producer that validates does not meet these dead letters."""
    assert not VALIDATOR.is_valid(message), "a reason that no schema can express is one of BEYOND_A_SCHEMA"


def test_there_is_an_example_of_every_event_type() -> None:
    """In the document, in the order of the enum."""
    assert [example["event_type"] for example in EXAMPLES] == list(EVENTS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["event_type"])
def test_the_examples_are_valid_events(example: Wire) -> None:
    """What the document shows can be sent as it stands."""
    outcome = receive(example)

    VALIDATOR.validate(example)
    assert isinstance(outcome, Decoded), outcome
    assert outcome.extra is None


def test_the_python_example_prints_what_it_says() -> None:
    """The last block of the document, run."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(code, {})  # noqa: S102 - it is our own document

    expected = re.findall(r"^# (.*)$", code, re.MULTILINE)
    assert printed.getvalue().splitlines() == expected
