"""How large a message may be: one set of numbers for producers, broker, topic, stream and documentation."""

from __future__ import annotations

from typing import Final

MAX_VALUE_BYTES: Final = 4_000_000
"""Of an event. Above this an order with its unknown fields could reach the 16 MB limit of a MongoDB document."""

MAX_KEY_BYTES: Final = 65_536
"""Of a message's key, which is an id in decimal."""

MAX_BATCH_BYTES: Final = 4_194_304
"""What Kafka takes at once: the largest value, its key, and 128 kB for headers and what Kafka writes around them."""
