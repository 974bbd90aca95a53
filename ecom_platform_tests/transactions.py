"""Transactions of a producer of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaProducer

from ecom_platform.kafka.client import python_options
from ecom_platform.settings import Settings


class RegrettedError(Exception):
    """The shop changed its mind in the middle of a transaction."""


@contextmanager
def transaction(settings: Settings, name: str) -> Iterator[KafkaProducer]:
    """A transaction, aborted when its body fails; the broker has what was sent in it all the same.

    Kafka makes its list of transactions when it is first asked for one.
    """
    producer = KafkaProducer(**python_options(settings), transactional_id=name, max_block_ms=60_000)
    try:
        producer.init_transactions()
        producer.begin_transaction()
        try:
            yield producer
        except BaseException:
            producer.flush()
            producer.abort_transaction()
            raise
        producer.commit_transaction()
    finally:
        producer.close(timeout=1)
