"""The table of settings in docs/operations.md, written from the settings themselves.

    python -m docs.settings_table     writes it again

Who reads a setting cannot be derived; it stands here, and a test demands that every setting has its line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from ecom_platform.settings import Settings

PAGE: Final = Path(__file__).with_name("operations.md")
BEGIN: Final = "<!-- settings: python -m docs.settings_table -->"
END: Final = "<!-- end of settings -->"

_EVERYBODY: Final = "everybody"
_LOCAL: Final = "`ecom up`, `ecom demo`"
_STREAM: Final = "stream"
_ARCHIVE: Final = "archive runs, `ecom archive`"

READERS: Final[dict[str, str]] = {
    "home": _EVERYBODY,
    "kafka_bootstrap_servers": "simulator, stream, Dagster, `ecom`",
    "mongodb_uri": "all",
    "mongodb_database": "all",
    "hdfs_uri": "archive and KPI runs, dashboard, `ecom`",
    "role": "every program that logs in; each sets its own",
    "kafka_credentials": "all that talk to Kafka",
    "mongodb_credentials": "all that talk to MongoDB",
    "tls": "all that talk to Kafka or MongoDB",
    "allow_insecure": _EVERYBODY,
    "spark_master": _STREAM,
    "hadoop_conf": "archive and KPI runs, dashboard, `ecom`",
    "spark_properties": "stream, archive and KPI runs",
    "java_home": f"{_LOCAL}, stream, archive and KPI runs",
    "mongod": _LOCAL,
    "mongodb_parameters": _LOCAL,
    "mongodb_cache_gb": _LOCAL,
    "jar_cache": f"`make setup`, {_LOCAL}, stream",
    "kafka_port": _LOCAL,
    "kafka_controller_port": _LOCAL,
    "mongodb_port": _LOCAL,
    "hdfs_port": _LOCAL,
    "hdfs_http_port": _LOCAL,
    "hdfs_data_port": _LOCAL,
    "hdfs_data_http_port": _LOCAL,
    "hdfs_data_ipc_port": _LOCAL,
    "dagster_port": "`ecom demo`",
    "dagster_grpc_port": "`ecom demo`",
    "dashboard_port": "`ecom demo`",
    "topic": "simulator, stream, Dagster, dashboard, `ecom`",
    "topic_partitions": "`ecom up`",
    "consumer_group": "stream, simulator",
    "history_start": "stream, Dagster, `ecom kpi`",
    "trigger_milliseconds": _STREAM,
    "max_offsets_per_trigger": _STREAM,
    "chunk_events": _STREAM,
    "chunk_bytes": _STREAM,
    "spark_driver_memory": "stream, archive and KPI runs",
    "lag_high_events": "Dagster",
    "lag_low_events": "Dagster",
    "archive_older_than": f"{_ARCHIVE}, Dagster",
    "archive_open_after": f"{_ARCHIVE}, Dagster",
    "archive_high_bytes": "Dagster",
    "archive_low_bytes": "Dagster",
    "archive_grace": _ARCHIVE,
    "spark_batch_master": "archive and KPI runs",
    "currency": "dashboard, `ecom kpi`",
}


def table() -> str:
    """The table: a row for every setting, in the order of the code."""
    defaults = Settings.model_construct().model_dump(mode="json")
    rows = [
        f"| `ECOM_{name.upper()}` | {_shown(defaults[name])} | {field.description} | {READERS.get(name, '')} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning | who reads it |", "|---|---|---|---|", *rows])


def with_table(text: str) -> str:
    """The page with the table of now between its marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _shown(value: object) -> str:
    if value is None or value == "":
        return "none"
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def main() -> int:
    """Write the table again."""
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
