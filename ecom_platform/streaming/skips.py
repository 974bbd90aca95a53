"""Offsets that cannot be read, and that a person decided to go on without. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from ecom_platform.errors import UsageError

_FORM = re.compile(r"(?P<topic>.+)-(?P<partition>\d+):(?P<first>\d+)-(?P<last>\d+)")


@dataclass(frozen=True, slots=True)
class Skip:
    """The offsets `first` to `last`, both included, of one partition; written `orders-0:150-159`."""

    topic: str
    partition: int
    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form. Raises UsageError."""
        found = _FORM.fullmatch(text)
        if found is None or int(found["first"]) > int(found["last"]):
            raise UsageError(
                f"--skip takes TOPIC-PARTITION:FIRST-LAST, for example orders-0:150-159, and got {text!r}. Nothing was "
                "started. The message of the stream that could not go on has the offsets."
            )
        return cls(found["topic"], int(found["partition"]), int(found["first"]), int(found["last"]))

    def after(self, position: int, end: int) -> int:
        """Where the partition goes on, for a stream that stands at `position`; `end` is that of the partition.

        A skip that was done before changes nothing, so the same command may be given again.

        Raises:
            UsageError: the stream stands elsewhere, or there are no such offsets yet.
        """
        if position > self.last:
            return position
        if position != self.first or self.last >= end:
            raise UsageError(
                f"--skip {self}: {self.topic}-{self.partition} stands at offset {position} and ends at {end}; only "
                "offsets that exist are skipped, from where the stream stands. Nothing was skipped or applied."
            )
        return self.last + 1

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}:{self.first}-{self.last}"
