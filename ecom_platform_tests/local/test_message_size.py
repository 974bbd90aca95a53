"""Broker, topic, contract and documentation name one size of a message."""

from __future__ import annotations

from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from ecom_platform.contract import MAX_BATCH_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES
from ecom_platform.kafka.client import python_options
from ecom_platform.local.kafka import ensure_topic
from ecom_platform.local.server import as_admin
from ecom_platform.settings import Settings

ROOT = Path(__file__).parents[2]


def of_topic(admin: KafkaAdminClient, topic: str) -> str:
    """What the topic takes at once, as the broker says it."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic, ["max.message.bytes"])
    described = admin.describe_configs([resource], config_filter="all")
    return str(described["topic"][topic]["max.message.bytes"]["value"])


def test_a_topic_that_takes_too_little_is_changed_and_one_that_takes_more_is_left_alone(settings: Settings) -> None:
    """A new one, one with Kafka's default of about 1 MB, and one for larger messages."""
    own = as_admin(settings, "kafka")
    kinds = {"new": None, "small": "1048588", "large": "9000000"}
    admin = KafkaAdminClient(**python_options(own))
    try:
        for kind, size in kinds.items():
            topic = f"{own.topic}-{kind}"
            if size:
                admin.create_topics({topic: {"num_partitions": 1, "configs": {"max.message.bytes": size}}})
            ensure_topic(own.model_copy(update={"topic": topic}))
        found = {kind: of_topic(admin, f"{own.topic}-{kind}") for kind in kinds}
    finally:
        admin.close()

    assert found == {"new": "4194304", "small": "4194304", "large": "9000000"}


def test_the_numbers_agree() -> None:
    """The broker of the Compose file and the page for producers; value, key and 128 kB around them fit together."""
    properties = (ROOT / "docker" / "kafka" / "server.properties").read_text().splitlines()
    page = (ROOT / "docs" / "contract.md").read_text()

    assert {f"message.max.bytes={MAX_BATCH_BYTES}", f"replica.fetch.max.bytes={MAX_BATCH_BYTES}"} <= set(properties)
    assert all(f"{number:,}" in page for number in (MAX_BATCH_BYTES, MAX_VALUE_BYTES, MAX_KEY_BYTES))
    assert MAX_VALUE_BYTES + MAX_KEY_BYTES + 128_000 <= MAX_BATCH_BYTES
