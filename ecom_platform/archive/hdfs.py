"""HDFS from Python, without a JVM; the one place that turns its client's errors into ours."""

from __future__ import annotations

import logging
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar
from urllib.parse import urlsplit

import pyarrow as pa
from hdfs_native import Client
from hdfs_native.fsspec import HdfsFileSystem
from pyarrow.fs import FSSpecHandler, PyFileSystem

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.runtime.hadoop import hadoop_properties
from ecom_platform.settings import Settings

T = TypeVar("T")
log = logging.getLogger(__name__)

_CONNECT_SECONDS: Final = 5.0
_READ_PAUSES_SECONDS: Final = (0.5, 2.0)
_DENIED: Final = "AccessControlException"
# What a server says in Java's words: its class, its sentence, and where in its code that was.
_REFUSAL: Final = re.compile(r'RPCError\("[\w.$]+", "(.+?)(?:\\n|"\))')


def connect_hdfs(settings: Settings) -> Client:
    """The client of the NameNode that the settings name; nothing is sent yet.

    Raises:
        ConfigurationError: no HDFS is named and none was started.
    """
    return Client(_uri(settings), _options(settings))


def arrow_file_system(settings: Settings) -> PyFileSystem:
    """HDFS as pyarrow's datasets and Parquet readers take it; paths are absolute. Raises ConfigurationError."""
    # As it is written: `hostname` has small letters, and a name service may have others.
    host, _, port = urlsplit(_uri(settings)).netloc.partition(":")
    # The class itself: fsspec's registry would look for another client where this one is missing. No instance cache,
    # because a client does not survive a fork.
    client = HdfsFileSystem(host, int(port) if port else None, **_options(settings), skip_instance_cache=True)
    return PyFileSystem(FSSpecHandler(client))


def demand_name_node(settings: Settings) -> None:
    """Raise unless the NameNode listens at its address; a name service has none, its client finds one.

    The client itself tries for minutes, in native code that cannot be interrupted.

    Raises:
        ConfigurationError: no HDFS is named and none was started.
        UnavailableError: nothing listens there.
    """
    address = urlsplit(_uri(settings))
    if address.hostname and address.port:
        with hdfs_errors("looking for the NameNode"):
            socket.create_connection((address.hostname, address.port), _CONNECT_SECONDS).close()


def patiently(read: Callable[[], T], path: str) -> T:
    """What `read` returns, tried up to three times: with one DataNode the client gives up at its first refusal.

    A DataNode refuses when it is busy, or has just been restarted. Raises what `read` raises.
    """
    for pause_seconds in _READ_PAUSES_SECONDS:
        try:
            return read()
        except RuntimeError as error:
            log.warning("reading_again path=%s reason=%s", path, _first_line(error)[:200])
            time.sleep(pause_seconds)
    return read()


@contextmanager
def hdfs_errors(doing: str) -> Iterator[None]:
    """Turn what HDFS answers into an UnavailableError that names the step."""
    try:
        yield
    except (OSError, RuntimeError, TimeoutError) as error:
        what = "Run the command again when HDFS is well (`ecom status`)."
        if _DENIED in str(error):
            what = (
                "Let this user write below /ecommerce (`hdfs dfs -mkdir` and `-chown`, as HDFS's administrator), or be "
                "another one (HADOOP_USER_NAME), then run the command again."
            )
        raise UnavailableError(
            f"HDFS failed while {doing}: {_first_line(error)}. Nothing in MongoDB was changed by this step. {what}"
        ) from error


@contextmanager
def archived_file_errors(path: str) -> Iterator[None]:
    """Turn a published file that cannot be read, for any reason, into an UnavailableError that names it."""
    try:
        with hdfs_errors(f"reading {path} of the archive"):
            yield
    except pa.ArrowException as error:
        raise UnavailableError(
            f"The archive's file {path} cannot be read: {str(error).splitlines()[0][:300]}. Nothing was changed. "
            "Restore the file (its manifest names its checksum), then run the command again."
        ) from error


def _options(settings: Settings) -> dict[str, str]:
    """The DataNode is known by its name; its address may be one that clients cannot reach."""
    return {"dfs.client.use.datanode.hostname": "true", **hadoop_properties(settings)}


def _uri(settings: Settings) -> str:
    if not settings.hdfs_uri:
        raise ConfigurationError("No HDFS is known. Run `ecom up`, or set ECOM_HDFS_URI to an existing one.")
    return settings.hdfs_uri


def _first_line(error: BaseException) -> str:
    refusal = _REFUSAL.search(str(error))
    lines = (refusal[1].replace('\\"', '"') if refusal else str(error)).strip().splitlines()
    return lines[0][:300].rstrip(".") if lines else type(error).__name__
