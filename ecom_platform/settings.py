"""Typed settings, read in one place from `ECOM_*` variables, `.env` and what `ecom up` recorded.

Order of precedence: environment, `.env` in the current folder, `ECOM_HOME/endpoints.json` (the addresses of the local
servers, written by `ecom up`), the defaults below.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ecom_platform.credentials import Credential, Role, SecuredServer, read_credential
from ecom_platform.durations import format_duration, parse_duration
from ecom_platform.errors import ConfigurationError

__all__ = ["Settings", "credential_of", "load_settings"]

ENDPOINTS_FILE = "endpoints.json"
CREDENTIALS_OF = {"kafka_bootstrap_servers": "kafka_credentials", "mongodb_uri": "mongodb_credentials"}
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Duration = Annotated[
    timedelta,
    BeforeValidator(lambda value: parse_duration(value) if isinstance(value, str) else value),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
]


class Settings(BaseSettings):
    """Every setting of the platform; the variable is the field's name in capitals with `ECOM_` before it."""

    model_config = SettingsConfigDict(env_prefix="ECOM_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(Path(".ecom"), description="Folder of data, logs, pids and credentials of this instance")
    kafka_bootstrap_servers: str = Field("", description="An existing Kafka; empty: `ecom up` starts one")
    mongodb_uri: str = Field("", description="An existing MongoDB replica set; empty: `ecom up` starts one")
    mongodb_database: str = Field("ecommerce", description="Database that holds every collection")
    hdfs_uri: str = Field("", description="An existing HDFS; empty: `ecom up` starts one")
    role: Role = Field(Role.OPERATOR, description="Who this program is to the servers; most know it themselves")
    kafka_credentials: Path | None = Field(
        None, description="Folder of `kafka-<role>.properties`; `ecom up` makes those of its own; none: no login"
    )
    mongodb_credentials: Path | None = Field(
        None, description="Folder of `mongodb-<role>.properties`; `ecom up` makes those of its own; none: no login"
    )
    tls: Path | None = Field(
        None, description="Folder with `ca.pem`: TLS to Kafka and MongoDB; local ones need `server.pem` (key, chain)"
    )
    allow_insecure: bool = Field(
        False, description="Allow what everybody on the way can read or change: plaintext to another host, HDFS there"
    )

    spark_master: str = Field("local[*,4]", description="Spark master of the stream; 4 = attempts of a failed task")

    java_home: str = Field("", description="Folder of Java 17 or 21; empty: JAVA_HOME, PATH, /usr/lib/jvm")
    mongod: str = Field("", description="The mongod program; empty: from the PATH, else the one that was installed")
    mongodb_parameters: str = Field("", description="More `name=value` parameters of the local mongod, space between")
    mongodb_cache_gb: float = Field(1.0, ge=0.25, description="Cache of the local mongod, in GB")
    jar_cache: Path = Field(Path("~/.cache/ecom-platform/jars"), description="Folder of jars, shared between clones")

    kafka_port: int = Field(9092, ge=0, le=65535, description="Port of the local Kafka; 0: a free one")
    kafka_controller_port: int = Field(9093, ge=0, le=65535, description="Controller port of the local Kafka")
    mongodb_port: int = Field(27017, ge=0, le=65535, description="Port of the local mongod")
    hdfs_port: int = Field(9000, ge=0, le=65535, description="RPC port of the local NameNode")
    hdfs_http_port: int = Field(9870, ge=0, le=65535, description="Web port of the local NameNode")
    hdfs_data_port: int = Field(9866, ge=0, le=65535, description="Data port of the local DataNode")
    hdfs_data_http_port: int = Field(9864, ge=0, le=65535, description="Web port of the local DataNode")
    hdfs_data_ipc_port: int = Field(9867, ge=0, le=65535, description="RPC port of the local DataNode")
    dagster_port: int = Field(3000, ge=0, le=65535, description="Port of the Dagster UI")
    dagster_grpc_port: int = Field(4266, ge=0, le=65535, description="Port of the Dagster code server")
    dashboard_port: int = Field(8501, ge=0, le=65535, description="Port of the dashboard")

    topic: str = Field("orders", description="Kafka topic of the events")
    topic_partitions: int = Field(2, ge=1, le=64, description="Partitions of a newly created topic")
    consumer_group: str = Field("ecom-stream", description="Group the stream publishes its offsets to, for lag tools")
    history_start: date = Field(date(2020, 1, 1), description="Orders placed before this day are dead letters")

    trigger_milliseconds: int = Field(500, ge=0, description="Processing-time trigger of the stream")
    max_offsets_per_trigger: int = Field(40_000, ge=100, description="Most events in one micro-batch")
    chunk_events: int = Field(4_000, ge=1, description="Most events in one transaction")
    chunk_bytes: int = Field(8_000_000, ge=1_000, description="Most message bytes in one transaction")
    spark_driver_memory: str = Field("1g", description="Heap of the Spark driver")

    lag_high_events: int = Field(10_000, ge=1, description="Lag at which the lag sensor fires")
    lag_low_events: int = Field(1_000, ge=0, description="Lag below which the lag sensor is quiet again")

    archive_older_than: Duration = Field(
        timedelta(days=1), description="Age at which closed orders are archived, e.g. 1d"
    )
    archive_open_after: Duration = Field(timedelta(days=30), description="Age at which open orders leave, too")
    archive_high_bytes: int = Field(300_000_000, ge=1, description="Size of `orders` at which an archive run is due")
    archive_low_bytes: int = Field(200_000_000, ge=0, description="Size of `orders` below which none is due any more")
    archive_grace: Duration = Field(
        timedelta(minutes=10), description="How long files that compaction replaced stay, for readers of older instants"
    )
    spark_batch_master: str = Field("local[2,4]", description="Spark master of archive and KPI runs")

    dashboard_refresh: Duration = Field(
        timedelta(seconds=5),
        ge=timedelta(seconds=1),
        description="How often pages of a range up to a day show new figures; 7 days: six times as seldom",
    )
    currency: str = Field("USD", description="Currency shown on screens; the platform has one")
    display_tz: str = Field("UTC", description="Time zone of labels; days are UTC days everywhere")

    @property
    def history_start_time(self) -> datetime:
        """The first instant an order may be placed at."""
        return datetime(self.history_start.year, self.history_start.month, self.history_start.day, tzinfo=UTC)

    @property
    def logs(self) -> Path:
        """Folder of the log files."""
        return self.home / "logs"


def load_settings(**overrides: Any) -> Settings:
    """Read the settings once, at the edge of the program; `home` comes back absolute.

    Raises:
        ConfigurationError: a value cannot be used; the text names the variable and the reason.
    """
    try:
        settings = Settings(**overrides)
        home = settings.home.expanduser().absolute()
        recorded = _recorded_endpoints(home)
        given = settings.model_fields_set
        absent = {name: value for name, value in recorded.items() if name not in given or not getattr(settings, name)}
        for address, credentials in CREDENTIALS_OF.items():
            if address not in absent and getattr(settings, address) != recorded.get(address):
                absent.pop(credentials, None)  # those of our own server are nothing for another one
        settings = Settings(**{**overrides, **absent, "home": home})
    except ValidationError as error:
        problems = "; ".join(f"ECOM_{str(e['loc'][0]).upper()}: {e['msg']}, got {e['input']!r}" for e in error.errors())
        raise ConfigurationError(
            f"A setting cannot be used: {problems}. Change it and run the command again."
        ) from error
    _refuse_plaintext(settings)
    return settings


def credential_of(settings: Settings, server: SecuredServer, role: Role) -> Credential:
    """The credential of a role for a server that asks for one. Raises ConfigurationError when it is not there."""
    folder = settings.kafka_credentials if server == "kafka" else settings.mongodb_credentials
    if folder is None:
        raise ConfigurationError(
            f"No folder with credentials for {server} is known. `ecom up` makes those of local servers; for others set "
            f"ECOM_{server.upper()}_CREDENTIALS."
        )
    return read_credential(folder, server, role)


def _refuse_plaintext(settings: Settings) -> None:
    """Raise ConfigurationError when passwords or data would cross a network in the clear, and nobody allowed it."""
    if settings.allow_insecure:
        return
    plain = {"ECOM_HDFS_URI": [settings.hdfs_uri]}
    if settings.tls is None:
        plain["ECOM_KAFKA_BOOTSTRAP_SERVERS"] = [f"//{one}" for one in settings.kafka_bootstrap_servers.split(",")]
        if "tls=true" not in settings.mongodb_uri and not settings.mongodb_uri.startswith("mongodb+srv:"):
            hosts = urlsplit(settings.mongodb_uri).netloc.rpartition("@")[2].split(",")
            plain["ECOM_MONGODB_URI"] = [f"//{one}" for one in hosts]
    for name, addresses in plain.items():
        far = [host for one in addresses if (host := _host_of(one)) and host not in LOOPBACK]
        if far:
            raise ConfigurationError(
                f"{name} names another host ({far[0]}), and what is said to it could be read on the way. Nothing was "
                "sent. Set ECOM_TLS to a folder with ca.pem (Kafka, MongoDB), or allow it on a network you trust: "
                "ECOM_ALLOW_INSECURE=true."
            )


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None  # whoever connects says what is wrong with it


def _recorded_endpoints(home: Path) -> dict[str, Any]:
    file = home / ENDPOINTS_FILE
    try:
        recorded = json.loads(file.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} cannot be read ({error}). Run `ecom down`, then `ecom up`.") from error
    return {name: value for name, value in recorded.items() if name in Settings.model_fields}
