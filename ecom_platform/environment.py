"""What a program of ours takes over from the environment that it was started in.

A person's environment speaks to every program of a kind: to all JVMs, all of Python, all that calls Spark. Ours run on
loopback with the Spark, the class path and the interpreter that were installed with them, so what is meant for others
stops here: in the command line (`shield`), and in everything that it starts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
UTF8_LOCALE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"

_FOR_OTHERS = (
    # Options and class paths for every JVM; Spark, Hadoop and Kafka of another installation.
    *("JAVA_OPTS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH"),
    *("SPARK_", "PYSPARK_", "KAFKA_"),
    # Another interpreter's modules, warnings as errors, no byte code.
    "PYTHON",
    # Debugging aids of the C library, which cost half of the speed.
    "MALLOC_",
    # Settings of other instances of Dagster and Streamlit, and of what they stand on.
    *("DAGSTER_", "STREAMLIT_", "UVICORN_", "WEB_CONCURRENCY", "GRPC_", "grpc_proxy", "no_grpc_proxy"),
    # mongod does not start with a locale that is not installed; a Turkish JVM writes an i without a dot.
    *("LANG", "LC_"),
)
_SPOILS_PYTHON = frozenset({"PYTHONHOME", "PYTHONPATH", "PYTHONOPTIMIZE", "PYTHONWARNINGS", "PYTHONINSPECT"})
_FOR_CLUSTERS = ("HADOOP_", "HDFS_", "YARN_", "MAPRED_")
_CLUSTER_SETTINGS = ("ECOM_HDFS_URI", "ECOM_SPARK_MASTER", "ECOM_SPARK_BATCH_MASTER")


def inherited(environ: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that programs of ours may see, with a locale that is there.

    Hadoop's variables stay when a cluster is named: its client finds name nodes and Kerberos by them. Proxies stay, for
    downloads, but never stand between our programs and loopback.
    """
    foreign = _FOR_OTHERS if _names_a_cluster(environ) else (*_FOR_OTHERS, *_FOR_CLUSTERS)
    kept = {name: value for name, value in environ.items() if not name.startswith(foreign)}
    return {**kept, **_no_proxy(environ), "LC_ALL": UTF8_LOCALE}


def shield() -> None:
    """Make the environment of this process what its programs may see: once, before anything is started."""
    wanted = inherited(os.environ)
    for name in set(os.environ) - set(wanted):
        del os.environ[name]
    os.environ.update(wanted)


def restart_unless_clean(argv: Sequence[str]) -> None:
    """Begin this process again when its own interpreter took over what is meant for another one.

    With `PYTHONOPTIMIZE` the client of Kafka does not work; with warnings that are errors, hardly anything does.
    """
    if _SPOILS_PYTHON.intersection(os.environ):
        shield()
        os.execv(sys.executable, [sys.executable, *argv])  # noqa: S606 - this very interpreter


def _names_a_cluster(environ: Mapping[str, str]) -> bool:
    hdfs, *masters = (environ.get(name, "") for name in _CLUSTER_SETTINGS)
    return bool(hdfs) or any(master and not master.startswith("local") for master in masters)


def _no_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """Some programs read the small name, some the large one, and the small one first."""
    said = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = [host.strip() for host in said.split(",") if host.strip()]
    value = said if hosts == ["*"] else ",".join(dict.fromkeys([*hosts, *LOOPBACK_HOSTS]))
    return {"no_proxy": value, "NO_PROXY": value}
