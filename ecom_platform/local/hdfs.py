"""The local HDFS: a NameNode and a DataNode as two plain processes, so that each can be killed on its own."""

from __future__ import annotations

import json
import shutil
import threading
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from ecom_platform.errors import ConfigurationError, UnavailableError
from ecom_platform.local import jvm
from ecom_platform.local.instance import Instance
from ecom_platform.local.programs import Program
from ecom_platform.local.server import Server, accepts, run_once
from ecom_platform.runtime.hadoop import hadoop_properties
from ecom_platform.runtime.jars import class_path
from ecom_platform.settings import Settings

NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode"
DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode"
JAVA_OPTIONS = ("-Xmx256m",)
LOG4J = """\
log4j.rootLogger=WARN, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c: %m%n
"""


def address_of(settings: Settings) -> str:
    """Where ours listens."""
    return f"hdfs://127.0.0.1:{settings.hdfs_port}"


def programs(settings: Settings, instance: Instance) -> list[Program]:
    """NameNode and DataNode; their configuration is written beside."""
    config = _write_configuration(settings, instance)
    jvm_of_both = java(settings, instance)
    # The DataNode goes first, so that the NameNode sees it leave.
    return [
        Program("namenode", [*jvm_of_both, NAME_NODE], priority=90, configuration=config),
        Program("datanode", [*jvm_of_both, DATA_NODE], priority=100, configuration=config),
    ]


def prepare(settings: Settings, instance: Instance) -> None:
    """Format the name folder once. It appears under its name only when it is complete."""
    folder = instance.data / "namenode"
    if folder.exists():
        return
    # Blocks of an earlier name space would make the DataNode refuse the new one.
    shutil.rmtree(instance.data / "datanode", ignore_errors=True)
    incoming = instance.data / "namenode.formatting"
    shutil.rmtree(incoming, ignore_errors=True)
    _write_configuration(settings, instance)
    place = ["-D", f"dfs.namenode.name.dir={incoming.as_uri()}"]
    run_once([*java(settings, instance), NAME_NODE, *place, "-format", "-nonInteractive"], instance, "formatting HDFS")
    incoming.rename(folder)


def not_ready(settings: Settings) -> str | None:
    """None once it is out of safe mode, its DataNode serves blocks, and it answers a client."""
    try:
        state = _status_bean(settings.hdfs_http_port, "NameNode,name=FSNamesystemState")
    except (OSError, ValueError, LookupError) as error:
        return f"the NameNode does not answer yet ({error})"
    if state["FSState"] != "Operational":
        return f"the NameNode is in {state['FSState']}"
    if state["NumLiveDataNodes"] < 1:
        return "no DataNode is alive"
    if state["CapacityRemaining"] <= 0:
        # One that has just registered has not told what it has yet; until then nothing is written to it.
        return "the DataNode has no room, or has not told the NameNode of any yet"
    # The NameNode counts a DataNode that was killed as alive for a while: the DataNode itself must say so.
    try:
        actors = json.loads(
            _status_bean(settings.hdfs_data_http_port, "DataNode,name=DataNodeInfo")["BPServiceActorInfo"]
        )
    except (OSError, ValueError, LookupError) as error:
        return f"the DataNode does not answer yet ({error})"
    if not actors or any(actor["ActorState"] != "RUNNING" for actor in actors):
        return "the DataNode has not registered with the NameNode yet"
    try:
        check(settings, 2.0)
    except UnavailableError as error:
        return str(error)
    return None


def _status_bean(port: int, name: str) -> Any:
    """What a server of HDFS tells about itself. Raises OSError, ValueError, LookupError."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/jmx?qry=Hadoop:service={name}", timeout=2) as answer:
        return json.load(answer)["beans"][0]


def check(settings: Settings, seconds: float) -> None:
    """Raise unless the NameNode answers a client within `seconds`.

    Raises:
        ConfigurationError: the address cannot be read.
        UnavailableError: no answer, or a refusal.
    """
    reason = _silence(settings.hdfs_uri, hadoop_properties(settings), seconds)
    if reason is not None:
        raise UnavailableError(
            f"HDFS at {settings.hdfs_uri} does not answer ({reason}). Run `ecom status` to see what is up, "
            "`ecom up` to start the local servers."
        )


def provision(settings: Settings) -> None:
    """Nothing: the archive makes its own folders, and HDFS without Kerberos knows no users."""
    del settings


def _silence(uri: str, properties: Mapping[str, str], seconds: float) -> str | None:
    address = urlsplit(uri)
    if address.scheme != "hdfs" or not address.hostname:
        raise ConfigurationError(
            f"ECOM_HDFS_URI is {uri!r}; expected hdfs://host:port, or hdfs:// and the name of a name service."
        )
    # The client itself tries for minutes, in native code that cannot be interrupted.
    if address.port and not accepts(address.hostname, address.port, seconds):
        return "nothing accepts connections there"
    outcome: list[str | None] = [f"silence for {seconds:.0f} seconds"]
    asking = threading.Thread(target=_ask, args=(uri, properties, outcome), daemon=True)
    asking.start()
    asking.join(seconds)
    return outcome[0]


def _ask(uri: str, properties: Mapping[str, str], outcome: list[str | None]) -> None:
    import hdfs_native

    try:
        hdfs_native.Client(uri, dict(properties)).get_file_info("/")
    except (OSError, RuntimeError, ValueError) as error:
        outcome[0] = str(error)
    else:
        outcome[0] = None


def _write_configuration(settings: Settings, instance: Instance) -> str:
    """Write the files and return their text."""
    folder = instance.run / "hdfs"
    # The servers look for these folders on their class path before they serve their status pages.
    for name in ("hdfs", "datanode", "static"):
        (folder / "webapps" / name / "WEB-INF").mkdir(parents=True, exist_ok=True)
    files = {
        "log4j.properties": LOG4J,
        "core-site.xml": _xml({"fs.defaultFS": address_of(settings), "hadoop.tmp.dir": instance.temporary / "hdfs"}),
        "hdfs-site.xml": _xml(_properties(settings, instance)),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return "".join(files.values())


def _properties(settings: Settings, instance: Instance) -> Mapping[str, object]:
    return {
        "dfs.replication": 1,
        "dfs.permissions.enabled": "false",
        "dfs.namenode.name.dir": (instance.data / "namenode").as_uri(),
        "dfs.namenode.rpc-address": f"127.0.0.1:{settings.hdfs_port}",
        "dfs.namenode.http-address": f"127.0.0.1:{settings.hdfs_http_port}",
        # One DataNode is all there is: wait for it, then not a second longer.
        "dfs.namenode.safemode.extension": 0,
        "dfs.namenode.safemode.min.datanodes": 1,
        # A dead DataNode is noticed after 20 seconds, not after 10 minutes.
        "dfs.heartbeat.interval": 1,
        "dfs.namenode.heartbeat.recheck-interval": 5_000,
        # Not as a URI: the DataNode escapes the path itself, and a second time would be another folder.
        "dfs.datanode.data.dir": instance.data / "datanode",
        # A closed file is on disk: after it was read back, the only other copy leaves MongoDB.
        "dfs.datanode.synconclose": "true",
        "dfs.datanode.hostname": "127.0.0.1",
        "dfs.datanode.address": f"127.0.0.1:{settings.hdfs_data_port}",
        "dfs.datanode.http.address": f"127.0.0.1:{settings.hdfs_data_http_port}",
        "dfs.datanode.ipc.address": f"127.0.0.1:{settings.hdfs_data_ipc_port}",
        "dfs.client.use.datanode.hostname": "true",
        "dfs.client.block.write.replace-datanode-on-failure.enable": "false",
    }


def _xml(properties: Mapping[str, object]) -> str:
    rows = (
        f"  <property><name>{escape(name)}</name><value>{escape(str(value))}</value></property>\n"
        for name, value in properties.items()
    )
    return f'<?xml version="1.0"?>\n<configuration>\n{"".join(rows)}</configuration>\n'


def java(settings: Settings, instance: Instance) -> list[str]:
    """The command line of its JVMs, up to the main class. Raises ConfigurationError: no Java, or no such jars."""
    paths = [Path("run/hdfs"), *class_path("hadoop", settings.jar_cache)]
    return jvm.command(settings, instance, "hdfs", paths, JAVA_OPTIONS)


HDFS = Server(
    key="hdfs",
    title="HDFS",
    address="hdfs_uri",
    ports=("hdfs_port", "hdfs_http_port", "hdfs_data_port", "hdfs_data_http_port", "hdfs_data_ipc_port"),
    address_of=address_of,
    program_names=("namenode", "datanode"),
    programs=programs,
    prepare=prepare,
    not_ready=not_ready,
    check=check,
    provision=provision,
    credentials="",
)
