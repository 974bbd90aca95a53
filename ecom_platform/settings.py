"""Typed settings, read in one place from `ECOM_*` variables, `.env` and what `ecom up` recorded.

Order of precedence: environment, `.env` in the current folder, `ECOM_HOME/endpoints.json` (the addresses of the local
servers, written by `ecom up`), the defaults below.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PrivateAttr,
    ValidationError,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from ecom_platform import valid_names
from ecom_platform.credentials import Credential, Role, SecuredServer, read_credential
from ecom_platform.durations import format_duration, parse_duration
from ecom_platform.errors import ConfigurationError
from ecom_platform.variables import ENCODING, ENV_FILE, PREFIX, refuse_unknown, variables_of_file

ENDPOINTS_FILE = "endpoints.json"
CREDENTIALS_OF = {"kafka_bootstrap_servers": "kafka_credentials", "mongodb_uri": "mongodb_credentials"}
LOOPBACK = ("localhost", "127.0.0.1", "::1")

Duration = Annotated[
    timedelta,
    BeforeValidator(lambda value: parse_duration(value) if isinstance(value, str) else value),
    PlainSerializer(format_duration, return_type=str, when_used="json"),
]


def _absolute(path: Path) -> Path:
    """Programs of ours run in other folders than the one in which a path was written."""
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # no home folder is known
        raise ValueError(str(error)) from error


Place = Annotated[Path, AfterValidator(_absolute)]


def _readable(address: str) -> str:
    """The address. Raises ValueError when its brackets or its port make no sense."""
    _ = urlsplit(address).port
    return address


class Settings(BaseSettings):
    """Every setting of the platform; the variable is the field's name in capitals with `ECOM_` before it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=ENV_FILE, env_file_encoding=ENCODING, extra="ignore", frozen=True
    )

    home: Path = Field(Path(".ecom"), description="Folder of data, logs, pids and credentials of this instance")
    kafka_bootstrap_servers: str = Field("", description="An existing Kafka; empty: `ecom up` starts one")
    mongodb_uri: str = Field("", description="An existing MongoDB replica set; empty: `ecom up` starts one")
    mongodb_database: Annotated[str, AfterValidator(valid_names.database_name)] = Field(
        "ecommerce", description="Database that holds every collection"
    )
    hdfs_uri: Annotated[str, AfterValidator(_readable)] = Field(
        "", description="An existing HDFS; empty: `ecom up` starts one"
    )
    hadoop_conf: Place | None = Field(
        None, description="Folder with `core-site.xml` and `hdfs-site.xml` of that HDFS: name service, Kerberos"
    )
    role: Role = Field(Role.OPERATOR, description="Who this program is to the servers; most know it themselves")
    kafka_credentials: Place | None = Field(
        None, description="Folder of `kafka-<role>.properties`; `ecom up` makes those of its own; none: no login"
    )
    mongodb_credentials: Place | None = Field(
        None, description="Folder of `mongodb-<role>.properties`; `ecom up` makes those of its own; none: no login"
    )
    tls: Place | None = Field(
        None, description="Folder with `ca.pem`: TLS to Kafka and MongoDB; local ones need `server.pem` (key, chain)"
    )
    allow_insecure: bool = Field(
        False, description="Allow what everybody on the way can read or change: plaintext to another host, HDFS there"
    )

    spark_master: Annotated[str, AfterValidator(valid_names.spark_master)] = Field(
        "local[*,4]", description="Spark master of the stream; 4 = attempts of a failed task"
    )

    spark_properties: Place | None = Field(
        None,
        description="File of Spark properties (`name value`) for every session: driver's host, executors, archives",
    )

    java_home: str = Field(
        "", description="Folder of Java 17 or 21; empty: JAVA_HOME, PATH, /usr/lib/jvm, the installed one"
    )
    mongod: str = Field("", description="The mongod program; empty: from the PATH, else the one that was installed")
    mongodb_parameters: str = Field("", description="More `name=value` parameters of the local mongod, space between")
    mongodb_cache_gb: float = Field(1.0, ge=0.25, description="Cache of the local mongod, in GB")
    jar_cache: Place = Field(Path("~/.cache/ecom-platform/jars"), description="Folder of jars, shared between clones")

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

    topic: Annotated[str, AfterValidator(valid_names.topic_name)] = Field(
        "orders", description="Kafka topic of the events"
    )
    topic_partitions: int = Field(2, ge=1, le=64, description="Partitions of a newly created topic")
    consumer_group: Annotated[str, AfterValidator(valid_names.given)] = Field(
        "ecom-stream", description="Group the stream publishes its offsets to, for lag tools"
    )
    history_start: date = Field(date(2020, 1, 1), description="Orders placed before this day are dead letters")

    trigger_milliseconds: int = Field(500, ge=0, description="Processing-time trigger of the stream")
    max_offsets_per_trigger: int = Field(40_000, ge=100, description="Most events in one micro-batch")
    chunk_events: int = Field(4_000, ge=1, description="Most events in one transaction")
    chunk_bytes: int = Field(8_000_000, ge=1_000, description="Most message bytes in one transaction")
    spark_driver_memory: str = Field(
        "1g",
        pattern=r"^\d+[kmgtKMGT]$",
        description="Heap of Spark's JVM; the stream takes four times as much for messages that do not fit",
    )

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
    spark_batch_master: Annotated[str, AfterValidator(valid_names.spark_master)] = Field(
        "local[2,4]", description="Spark master of archive and KPI runs"
    )

    currency: Annotated[str, AfterValidator(valid_names.label)] = Field(
        "USD", description="Currency shown on screens; the platform has one"
    )

    @field_validator("java_home")
    @classmethod
    def _whole_folder(cls, folder: str) -> str:
        return str(_absolute(Path(folder))) if folder else ""

    _from_record: frozenset[str] = PrivateAttr(frozenset())

    @property
    def from_record(self) -> frozenset[str]:
        """The settings that were not named: they were read from the record of what `ecom up` had started by then."""
        return self._from_record

    def noting(self, from_record: Iterable[str]) -> Settings:
        """These settings, which now know what of them was read from the record."""
        self._from_record = frozenset(from_record)
        return self

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
        ConfigurationError: a value cannot be used, or a variable is no setting; the text names it and the reason.
    """
    refuse_unknown([*os.environ, *variables_of_file(ENV_FILE)], list(Settings.model_fields))
    settings = _validated(overrides)
    home = _home(settings)
    recorded = _recorded_endpoints(home)
    given = settings.model_fields_set
    absent = {name: value for name, value in recorded.items() if name not in given or not getattr(settings, name)}
    for address, credentials in CREDENTIALS_OF.items():
        if address not in absent and getattr(settings, address) != recorded.get(address):
            absent.pop(credentials, None)  # those of our own server are nothing for another one
    settings = _validated({**overrides, **absent, "home": home}, home / ENDPOINTS_FILE, absent).noting(absent)
    _refuse_plaintext(settings)
    return settings


def variables(settings: Settings, names: Iterable[str]) -> dict[str, str]:
    """Settings as the variables that give them; those without a value are left out."""
    written = settings.model_dump(mode="json", include=set(names))  # durations as they are read, `1d`
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in written.items() if value not in ("", None)}


def given_variables() -> dict[str, str]:
    """What a person set, in the environment or in `.env`, for a program that runs in another folder.

    Raises:
        ConfigurationError: a value cannot be used.
    """
    settings = _validated({})
    return variables(settings, settings.model_fields_set - {"home"})


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
    """Raise ConfigurationError when passwords or data would cross a network in the clear without being allowed to."""
    if settings.allow_insecure:
        return
    plain = {"ECOM_HDFS_URI": [_host_of(settings.hdfs_uri)]}
    if settings.tls is None:
        plain["ECOM_KAFKA_BOOTSTRAP_SERVERS"] = [
            _host_of(f"//{one}") for one in settings.kafka_bootstrap_servers.split(",")
        ]
        plain["ECOM_MONGODB_URI"] = [*_mongodb_hosts_without_tls(settings.mongodb_uri)]
    for name, hosts in plain.items():
        far = [host for host in hosts if host and host not in LOOPBACK]
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
        return None  # the client that connects says what is wrong with it


def _mongodb_hosts_without_tls(uri: str) -> list[str]:
    """As the driver itself reads the address, with several hosts, brackets, sockets and spellings of TLS."""
    if not uri:
        return []
    from pymongo.errors import PyMongoError
    from pymongo.uri_parser import parse_uri

    # Read as the plain form, `mongodb+srv` asks no name server.
    scheme, _, rest = uri.partition(":")
    try:
        parsed = parse_uri(f"mongodb:{rest}", validate=False)
    except (PyMongoError, ValueError):
        return []  # the client that connects says what is wrong with it
    tls = parsed["options"].get("tls", "true" if scheme == "mongodb+srv" else "false")
    # The driver takes no other spelling for true, and goes on without TLS.
    return [] if tls == "true" else [host for host, _ in parsed["nodelist"] if not host.startswith("/")]


def _validated(values: dict[str, Any], record: Path | None = None, recorded: Iterable[str] = ()) -> Settings:
    """The settings; of those in `recorded`, the file `record` is to blame and no variable."""
    try:
        return Settings(**values)
    except ValidationError as error:
        wrong = {str(one["loc"][0]): f"{one['msg']}, got {one['input']!r}" for one in error.errors()}
        damaged = set(wrong) & set(recorded)
        if record is not None and damaged:
            raise _damaged_record(record, "; ".join(f"{name}: {wrong[name]}" for name in sorted(damaged))) from error
        problems = "; ".join(f"{PREFIX}{name.upper()}: {problem}" for name, problem in wrong.items())
        raise ConfigurationError(
            f"A setting cannot be used: {problems}. Change it and run the command again."
        ) from error


def _home(settings: Settings) -> Path:
    try:
        return settings.home.expanduser().absolute()
    except RuntimeError as error:
        raise ConfigurationError(f"ECOM_HOME is {str(settings.home)!r}: {error} Name the whole folder.") from error
    except FileNotFoundError as error:
        raise ConfigurationError(
            "The current folder was deleted. Nothing was started. Change to another one."
        ) from error


def _recorded_endpoints(home: Path) -> dict[str, Any]:
    file = home / ENDPOINTS_FILE
    try:
        recorded = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged_record(file, str(error)) from error
    if not isinstance(recorded, dict):
        raise _damaged_record(file, f"it holds {type(recorded).__name__}, not names and values")
    return {name: value for name, value in recorded.items() if name in Settings.model_fields}


def _damaged_record(file: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"{file}, the record of ports and addresses, cannot be read ({problem}). Nothing was started. Delete it; "
        "`ecom down` then ends what still runs, and `ecom up` writes it again."
    )
