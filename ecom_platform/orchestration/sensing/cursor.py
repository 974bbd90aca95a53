"""What a sensor remembers from tick to tick, as the text that Dagster keeps for it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Self, cast

import msgspec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

VERSION: Final = 1


class Remembered:
    """Base of a sensor's memory, a dataclass whose fields all have defaults; its cursor is `{"v": 1, <fields>}`."""

    __slots__ = ()

    @classmethod
    def parse(cls, cursor: str | None) -> Self:
        """Read a cursor; an unreadable or older one starts afresh. To reset it, clear the cursor in the UI."""
        try:
            fields: Any = json.loads(cursor or "{}")
            return msgspec.convert(fields, cls) if fields.pop("v", None) == VERSION else cls()
        except (ValueError, AttributeError, TypeError):
            return cls()

    def dump(self) -> str:
        """The cursor."""
        return json.dumps({"v": VERSION, **asdict(cast("DataclassInstance", self))})
