"""The contract as JSON Schema and as tables of the documentation, generated from the code that enforces it.

`python -m ecom_platform.contract.schema` rewrites `docs/contract.schema.json` and the generated tables of
`docs/contract.md`; a test compares both with what the code says now.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from ecom_platform.contract import rules
from ecom_platform.contract.events import ARRIVED_STATUSES, SCHEMA_VERSION, Event, Status
from ecom_platform.contract.reasons import Reason
from ecom_platform.errors import ConfigurationError

Schema = dict[str, Any]

DOCS = Path(__file__).resolve().parents[2] / "docs"
SCHEMA_FILE = "contract.schema.json"
TEXT_FILE = "contract.md"

# `format` is only a remark to most validators; the pattern also demands the zone.
_TIME_PATTERN = r"^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:?\d{2})$"


def json_schema() -> Schema:
    """Return the JSON Schema (2020-12) of a message.

    It holds what a schema can express: types, required fields, limits of single values, and which status and
    `actual_time` an event type allows. Sums, equal ids and the range of times are left to `contract.rules`.
    """
    generated = msgspec.json.schema(Event)
    parts: dict[str, Schema] = generated["$defs"]
    for part in parts.values():
        # Refused when bytes are decoded fast, kept aside by `decode`: for a producer they are allowed.
        part.pop("additionalProperties", None)
        for name, field in part.get("properties", {}).items():
            _limit(name, field)
    parts["Delivery"]["properties"].update(status={"const": Status.PENDING.value}, actual_time={"type": "null"})
    _allow_steps(parts["DeliveryUpdated"], [status.value for status in Status if status != Status.CANCELLED])
    _allow_steps(parts["OrderCancelled"], [Status.CANCELLED.value])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Message of the topic `orders`",
        "description": "One JSON object per message; see contract.md for the rules that a schema cannot express.",
        "oneOf": generated["anyOf"],
        "$defs": parts,
    }


def schema_text() -> str:
    """Return the committed form of the schema."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def rewrite_tables(text: str) -> str:
    """Return the documentation with its generated tables brought up to date.

    Raises:
        ConfigurationError: a pair of markers is missing.
    """
    for name, table in (("limits", _limits_table()), ("reasons", _reasons_table())):
        begin, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
        pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
        if not pattern.search(text):
            raise ConfigurationError(f"{TEXT_FILE} has no markers {begin} … {end}. Nothing was written; put them back.")
        block = f"{begin}\n{table}\n{end}"
        text = pattern.sub(lambda _, block=block: block, text)  # type: ignore[misc]
    return text


def main() -> None:
    """Rewrite the generated files of the documentation.

    Raises:
        ConfigurationError: this is no clone of the repository, or a marker is missing.
    """
    document = DOCS / TEXT_FILE
    if not document.is_file():
        raise ConfigurationError(f"{document} is missing. Nothing was written. Run this from a whole clone.")
    text = rewrite_tables(document.read_text(encoding="utf-8"))
    document.write_text(text, encoding="utf-8")
    (DOCS / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")


def _limit(name: str, field: Schema) -> None:
    """Add the business limits that belong to a field of this name."""
    if name == "schema_version":
        field.update(const=SCHEMA_VERSION)
    elif name in ("event_id", "order_item_id"):
        field.update(minLength=1, maxLength=rules.MAX_TEXT)
    elif name == "order_items":
        field.update(minItems=1, maxItems=rules.MAX_LINES)
    elif name == "quantity":
        field.update(minimum=1, maximum=rules.MAX_QUANTITY)
    elif name.endswith("_cents"):
        field.update(minimum=0, maximum=rules.MAX_CENTS)
    elif name.endswith("_id"):
        field.update(minimum=1, maximum=rules.MAX_ID)
    elif name.endswith("_time"):
        for choice in field.get("anyOf", [field]):
            if choice.get("type") == "string":
                choice.update(pattern=_TIME_PATTERN)


def _allow_steps(event: Schema, statuses: list[str]) -> None:
    """Say which statuses an event type may report, and that exactly arrivals have an `actual_time`."""
    event["properties"]["delivery"].update(
        {
            "properties": {"status": {"enum": statuses}},
            "if": {"properties": {"status": {"enum": [status.value for status in ARRIVED_STATUSES]}}},
            "then": {"properties": {"actual_time": {"type": "string"}}},
            "else": {"properties": {"actual_time": {"type": "null"}}},
        }
    )


def _limits_table() -> str:
    rows = [
        ("ids (`*_id`, whole numbers)", f"1 to {rules.MAX_ID:,} (2^53 − 1: every JSON reader holds it exactly)"),
        ("`event_id`, `order_item_id`", f"1 to {rules.MAX_TEXT} characters"),
        ("`quantity`", f"1 to {rules.MAX_QUANTITY:,} units"),
        ("money (`*_cents`)", f"0 to {rules.MAX_CENTS:,} cents"),
        ("`order_items`", f"1 to {rules.MAX_LINES} lines"),
        (
            "`order_time`, `actual_time`, `event_time` of all but `order_placed`",
            f"`ECOM_HISTORY_START` to Kafka timestamp + {rules.FUTURE.days} day",
        ),
        (
            "`event_time`, `actual_time` of a step",
            f"at most {rules.CLOCK_TOLERANCE.seconds // 60} minutes before its `order_time`, for clocks that differ",
        ),
        ("`expected_time`", f"at most {rules.PROMISE.days} days from `order_time`"),
    ]
    return "\n".join(["| what | allowed |", "|---|---|", *(f"| {what} | {allowed} |" for what, allowed in rows)])


def _reasons_table() -> str:
    return "\n".join(
        ["| reason | meaning |", "|---|---|", *(f"| `{reason.value}` | {reason.meaning} |" for reason in Reason)]
    )


if __name__ == "__main__":
    main()
