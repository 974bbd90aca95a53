"""An HDFS that survives the loss of any one of its programs: two NameNodes with automatic failover, two DataNodes.

ZooKeeper elects the active NameNode, a failover controller beside each NameNode carries that out, and three
JournalNodes hold the edits. All of them are in the jars of HDFS itself.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from xml.sax.saxutils import escape

from ecom_platform.runtime.jars import class_path
from ecom_platform.runtime.java import find_java
from ecom_platform_tests.clusters.programs import Programs, listens
from ecom_platform_tests.programs import free_ports

NAME = "shop"
NAME_NODES = ("nn1", "nn2")
JOURNALS = 3
DATA_NODES = 2
_MAIN = "org.apache.hadoop.hdfs"


class NameService:
    """The cluster; `conf` is the folder that clients find it by (`HADOOP_CONF_DIR`)."""

    def __init__(self, folder: Path) -> None:
        self.programs = Programs(folder)
        self.conf = folder / "conf"
        self._rpc = dict(zip(NAME_NODES, free_ports(2), strict=True))
        self._http = dict(zip(NAME_NODES, free_ports(2), strict=True))
        self._zkfc = dict(zip(NAME_NODES, free_ports(2), strict=True))
        self._journals = free_ports(2 * JOURNALS)
        self._data = free_ports(3 * DATA_NODES)
        (self._zookeeper,) = free_ports(1)

    @property
    def uri(self) -> str:
        """The address of the name service, which has no port."""
        return f"hdfs://{NAME}"

    def start(self) -> None:
        """Format and start everything, and wait until one NameNode is active and both DataNodes have registered."""
        self._start_zookeeper()
        for number in range(JOURNALS):
            self._start(f"journal-{number}", f"{_MAIN}.qjournal.server.JournalNode")
        self.programs.await_ready("JournalNodes listen", lambda: all(map(listens, self._journals)))
        first, second = NAME_NODES
        self._run(first, f"{_MAIN}.server.namenode.NameNode", "-format", "-nonInteractive")
        self._start(first, f"{_MAIN}.server.namenode.NameNode")
        self.programs.await_ready("the first NameNode listens", lambda: listens(self._rpc[first]))
        self._run(second, f"{_MAIN}.server.namenode.NameNode", "-bootstrapStandby", "-nonInteractive")
        self._run(first, f"{_MAIN}.tools.DFSZKFailoverController", "-formatZK", "-nonInteractive")
        self._start(second, f"{_MAIN}.server.namenode.NameNode")
        for name in NAME_NODES:
            self._start(f"zkfc-{name}", f"{_MAIN}.tools.DFSZKFailoverController", of=name)
        for number in range(DATA_NODES):
            self._start(f"data-{number}", f"{_MAIN}.server.datanode.DataNode")
        self.programs.await_ready("one NameNode is active with all DataNodes", lambda: self._data_nodes() == DATA_NODES)

    def active(self) -> str | None:
        """The name of the active NameNode."""
        return next((name for name in NAME_NODES if self._bean(name, "NameNodeStatus").get("State") == "active"), None)

    def kill_active(self) -> str:
        """Kill the active NameNode; its name."""
        name = self.active()
        assert name is not None
        self.programs.kill(name)
        return name

    def restart(self, name: str) -> None:
        """Start a program that was killed."""
        self.programs.start(name)

    def _data_nodes(self) -> int:
        name = self.active()
        return int(self._bean(name, "FSNamesystemState").get("NumLiveDataNodes", 0)) if name else 0

    def _bean(self, name: str, bean: str) -> dict[str, object]:
        url = f"http://127.0.0.1:{self._http[name]}/jmx?qry=Hadoop:service=NameNode,name={bean}"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                found = json.load(answer)["beans"]
        except (OSError, ValueError):
            return {}
        return found[0] if found else {}

    def _start_zookeeper(self) -> None:
        data = self.programs.folder / "zookeeper"
        data.mkdir()
        config = self.programs.folder / "zoo.cfg"
        config.write_text(
            f"dataDir={data}\nclientPort={self._zookeeper}\nclientPortAddress=127.0.0.1\ntickTime=1000\n"
            "admin.enableServer=false\n"
        )
        main = "org.apache.zookeeper.server.ZooKeeperServerMain"
        self.programs.start("zookeeper", [*self._java("zookeeper"), main, str(config)])
        self.programs.await_ready("ZooKeeper listens", lambda: listens(self._zookeeper))

    def _start(self, name: str, main: str, *arguments: str, of: str = "") -> None:
        self.programs.start(name, [*self._java(of or name), main, *arguments])

    def _run(self, name: str, main: str, *arguments: str) -> None:
        self.programs.run(f"{name} {arguments[0]}", [*self._java(name), main, *arguments])

    def _java(self, name: str) -> list[str]:
        """The command line of a program with a configuration of its own, up to the main class."""
        conf = self._configure(name)
        jars = [conf, *class_path("hadoop")]
        return [find_java().program, "-Xmx200m", "-Djava.net.preferIPv4Stack=true", "-cp", ":".join(map(str, jars))]

    def _configure(self, name: str) -> Path:
        folder = self.conf if not name else self.programs.folder / f"conf-{name}"
        for web in ("hdfs", "datanode", "journal", "static"):
            (folder / "webapps" / web / "WEB-INF").mkdir(parents=True, exist_ok=True)
        (folder / "log4j.properties").write_text(
            "log4j.rootLogger=INFO,err\nlog4j.appender.err=org.apache.log4j.ConsoleAppender\n"
            "log4j.appender.err.target=System.err\nlog4j.appender.err.layout=org.apache.log4j.PatternLayout\n"
            "log4j.appender.err.layout.ConversionPattern=%d %p %c: %m%n\n"
        )
        core = {"fs.defaultFS": self.uri, "hadoop.tmp.dir": self.programs.folder / "tmp" / (name or "client")}
        core["ha.zookeeper.quorum"] = f"127.0.0.1:{self._zookeeper}"
        core["ha.zookeeper.session-timeout.ms"] = 4_000
        (folder / "core-site.xml").write_text(_xml(core))
        (folder / "hdfs-site.xml").write_text(_xml({**self._shared(), **self._own(name)}))
        return folder

    def write_client_configuration(self) -> Path:
        """What clients need to find the name service: the folder for `HADOOP_CONF_DIR`."""
        return self._configure("")

    def _shared(self) -> dict[str, object]:
        edits = ";".join(f"127.0.0.1:{port}" for port in self._journals[:JOURNALS])
        shared: dict[str, object] = {
            "dfs.nameservices": NAME,
            f"dfs.ha.namenodes.{NAME}": ",".join(NAME_NODES),
            f"dfs.client.failover.proxy.provider.{NAME}": f"{_MAIN}.server.namenode.ha.ConfiguredFailoverProxyProvider",
            "dfs.namenode.shared.edits.dir": f"qjournal://{edits}/{NAME}",
            "dfs.ha.automatic-failover.enabled": "true",
            # The JournalNodes let one NameNode write; there is nothing else to fence on one machine.
            "dfs.ha.fencing.methods": "shell(/bin/true)",
            "dfs.ha.tail-edits.period": "1",
            "dfs.replication": DATA_NODES,
            "dfs.permissions.enabled": "false",
            "dfs.namenode.safemode.extension": 0,
            "dfs.heartbeat.interval": 1,
            "dfs.namenode.heartbeat.recheck-interval": 5_000,
            "dfs.client.use.datanode.hostname": "true",
            # With two DataNodes there is no third to take the place of a lost one.
            "dfs.client.block.write.replace-datanode-on-failure.policy": "NEVER",
        }
        for name in NAME_NODES:
            shared[f"dfs.namenode.rpc-address.{NAME}.{name}"] = f"127.0.0.1:{self._rpc[name]}"
            shared[f"dfs.namenode.http-address.{NAME}.{name}"] = f"127.0.0.1:{self._http[name]}"
            shared[f"dfs.ha.zkfc.port.{NAME}.{name}"] = self._zkfc[name]
        return shared

    def _own(self, name: str) -> dict[str, object]:
        kind, _, number = name.partition("-")
        data = self.programs.folder / f"data of {name}"
        if name in NAME_NODES:
            return {"dfs.ha.namenode.id": name, "dfs.namenode.name.dir": data.as_uri()}
        if kind == "journal":
            place = int(number)
            return {
                "dfs.journalnode.rpc-address": f"127.0.0.1:{self._journals[place]}",
                "dfs.journalnode.http-address": f"127.0.0.1:{self._journals[JOURNALS + place]}",
                "dfs.journalnode.edits.dir": data,
            }
        if kind == "data":
            ports = self._data[3 * int(number) : 3 * int(number) + 3]
            names = ("dfs.datanode.address", "dfs.datanode.http.address", "dfs.datanode.ipc.address")
            addresses = {key: f"127.0.0.1:{port}" for key, port in zip(names, ports, strict=True)}
            return {**addresses, "dfs.datanode.data.dir": data, "dfs.datanode.hostname": "127.0.0.1"}
        return {}


def _xml(properties: dict[str, object]) -> str:
    rows = (
        f"<property><name>{escape(name)}</name><value>{escape(str(value))}</value></property>\n"
        for name, value in properties.items()
    )
    return f'<?xml version="1.0"?>\n<configuration>\n{"".join(rows)}</configuration>\n'
