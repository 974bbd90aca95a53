"""Dagster, and the only room that imports it: tables as assets, the supervised stream, the watch over Kafka lag."""
