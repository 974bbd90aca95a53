"""The store: what stands in MongoDB and how it is read and written."""

from __future__ import annotations

from ecom_platform.store.client import MongoDatabase, connect, database, mongo_errors, open_database
from ecom_platform.store.desired_state import read_intent, set_intent
from ecom_platform.store.dimensions import DimensionTables, dimension_version, load_dimensions, read_dimensions
from ecom_platform.store.leases import Lease, read_lease
from ecom_platform.store.loading import Loading, read_first_order, read_loading, write_loading
from ecom_platform.store.offsets import Counters, PartitionOffsets, read_offsets
from ecom_platform.store.progress import AgeState, FigureAge, Progress, figure_age, read_progress
from ecom_platform.store.schema import ensure_schema

__all__ = [
    "AgeState",
    "Counters",
    "DimensionTables",
    "FigureAge",
    "Lease",
    "Loading",
    "MongoDatabase",
    "PartitionOffsets",
    "Progress",
    "connect",
    "database",
    "dimension_version",
    "ensure_schema",
    "figure_age",
    "load_dimensions",
    "mongo_errors",
    "open_database",
    "read_dimensions",
    "read_first_order",
    "read_intent",
    "read_lease",
    "read_loading",
    "read_offsets",
    "read_progress",
    "set_intent",
    "write_loading",
]
