"""Large messages, valid ones and those beyond the contract, sent compressed as a shop would."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from kafka import KafkaProducer

from ecom_platform.contract import encode
from ecom_platform.kafka.client import python_options
from ecom_platform.settings import Settings
from ecom_platform_tests.streaming.events import placed


def large_order(order_id: int, size: int) -> bytes:
    """A valid order of exactly `size` bytes, by a field that the contract does not know."""
    begin, end = encode(placed(order_id))[:-1] + b',"note":"', b'"}'
    return begin + b"x" * (size - len(begin) - len(end)) + end


def send_compressed(settings: Settings, values: Iterable[bytes]) -> None:
    """Send messages to one partition, each a few kilobytes when it is compressed."""
    producer = KafkaProducer(
        **python_options(settings), acks="all", compression_type="gzip", max_request_size=2**31 - 1
    )
    try:
        for value in values:
            producer.send(settings.topic, value, key=b"1")
        producer.flush(120)
    finally:
        producer.close()


def sha256(content: bytes) -> str:
    """The digest as a person checks it."""
    return hashlib.sha256(content).hexdigest()
