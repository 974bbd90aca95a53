"""What the platform reads: the Kafka topic. Nobody materializes it here; the lag sensor observes it."""

from __future__ import annotations

import dagster as dg

from ecom_platform.orchestration.names import OWNER
from ecom_platform.orchestration.tables import TOPIC_KEY, schema

orders_topic = dg.AssetSpec(
    TOPIC_KEY,
    group_name="sources",
    kinds={"kafka", "json"},
    owners=[OWNER],
    description=(
        "Events of the shop: one JSON message per event, keyed by order (by warehouse and product for stock).\n\n"
        "**Grain:** one event. **Source:** the shop, here the simulator. **Consumer:** the streaming job. "
        "**When it fails:** the lag sensor's check on this asset turns red; nothing is lost as long as the topic keeps "
        "the events. Lag counts events not yet applied to MongoDB; Spark commits no offsets of its own."
    ),
    metadata={"dagster/column_schema": schema("orders_topic")},
)
