"""The names of the MongoDB collections and views, in one place."""

from __future__ import annotations

from typing import Final

from ecom_platform.kpi import rollups

# Facts: one document per order, with its items and its delivery embedded.
ORDERS: Final = "orders"
ORDER_ITEMS: Final = "order_items"  # view over orders
DELIVERIES: Final = "deliveries"  # view over orders
DEAD_LETTERS: Final = "dead_letters"
STOCK_RECEIPTS: Final = "stock_receipts"

# Rollups, written in the same transaction as the facts they count; those of KPIs are named with what is in them.
KPI_MINUTE: Final = rollups.KPI_MINUTE
KPI_CUBE: Final = rollups.KPI_CUBE
KPI_PRODUCT: Final = rollups.KPI_PRODUCT
STOCK: Final = rollups.STOCK
INGEST_MINUTE: Final = "ingest_minute"

# Events of orders that are archived; rehydration consumes them.
LATE_EVENTS: Final = "late_events"

# The archive: which files count, which orders are in them.
ARCHIVE_STATE: Final = "archive_state"
ARCHIVE_MANIFESTS: Final = "archive_manifests"
ARCHIVED_IDS: Final = "archived_ids"
ORDERS_ARCHIVE_SUMMARY: Final = "orders_archive_summary"
KPI_DAILY: Final = "kpi_daily"

# Alerts and what the evaluator remembers; who has seen them.
ALERTS: Final = "alerts"
ALERT_ACKNOWLEDGEMENTS: Final = "alert_acknowledgements"

# Dimensions; `dimension_version` tells the stream to load them again.
USERS: Final = "users"
PRODUCTS: Final = "products"
WAREHOUSES: Final = "warehouses"
COURIERS: Final = "couriers"
INVENTORY: Final = "inventory"
DIMENSION_VERSION: Final = "dimension_version"

# The state of the machinery.
STREAM_OFFSETS: Final = "stream_offsets"
STREAM_SESSIONS: Final = "stream_sessions"
PROGRESS: Final = "progress"
DIRTY_DAYS: Final = "dirty_days"
PIPELINE_STATUS: Final = "pipeline_status"
LEASES: Final = "leases"
INTENT: Final = "intent"
LOADING: Final = "loading"

DIMENSIONS: Final = (USERS, PRODUCTS, WAREHOUSES, COURIERS, INVENTORY)
ROLLUPS: Final = (KPI_MINUTE, KPI_CUBE, KPI_PRODUCT, STOCK, INGEST_MINUTE)
VIEWS: Final = (ORDER_ITEMS, DELIVERIES)
COLLECTIONS: Final = (
    ORDERS,
    DEAD_LETTERS,
    STOCK_RECEIPTS,
    LATE_EVENTS,
    ARCHIVE_STATE,
    ARCHIVE_MANIFESTS,
    ARCHIVED_IDS,
    ORDERS_ARCHIVE_SUMMARY,
    KPI_DAILY,
    ALERTS,
    ALERT_ACKNOWLEDGEMENTS,
    *ROLLUPS,
    *DIMENSIONS,
    DIMENSION_VERSION,
    STREAM_OFFSETS,
    STREAM_SESSIONS,
    PROGRESS,
    DIRTY_DAYS,
    PIPELINE_STATUS,
    LEASES,
    INTENT,
    LOADING,
)
