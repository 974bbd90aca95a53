"""Whether a service answers, for the health checks of Compose: exit code 0 when it does, else 1 and a reason.

    python docker/healthy.py http URL               answers with 200
    python docker/healthy.py grpc HOST:PORT         Dagster's code server serves
    python docker/healthy.py namenode HOST:PORT     the NameNode is active, by its web port
    python docker/healthy.py datanode HOST:PORT     the DataNode is registered, by its web port
    python docker/healthy.py file PATH SECONDS      the file was written within so many seconds

Nothing of the platform is imported: a look every few seconds must be cheap.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SECONDS = 5.0


def http(url: str) -> str | None:
    """None, or why the page cannot be had."""
    with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - from the Compose file
        return None if answer.status == 200 else f"{url} answers {answer.status}"


def grpc(address: str) -> str | None:
    """None, or why the code server cannot be used."""
    import grpc as library
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with library.insecure_channel(address) as channel:
        request = health_pb2.HealthCheckRequest(service="DagsterApi")
        try:
            status = health_pb2_grpc.HealthStub(channel).Check(request, timeout=SECONDS).status
        except library.RpcError as error:
            return f"{address}: {error.code().name}"
    return None if status == health_pb2.HealthCheckResponse.SERVING else f"{address} is not serving"


def namenode(address: str) -> str | None:
    """None, or why the NameNode cannot be used."""
    state = _bean(address, "NameNode,name=NameNodeStatus")["State"]
    return None if state == "active" else f"the NameNode is {state}"


def datanode(address: str) -> str | None:
    """None, or why the DataNode cannot be used."""
    actors = json.loads(_bean(address, "DataNode,name=DataNodeInfo")["BPServiceActorInfo"])
    registered = bool(actors) and all(actor["ActorState"] == "RUNNING" for actor in actors)
    return None if registered else "the DataNode has not registered with the NameNode"


def file(path: str, seconds: str) -> str | None:
    """None, or how old the file is."""
    age = time.time() - Path(path).stat().st_mtime
    return None if age <= float(seconds) else f"{path} was written {age:.0f} seconds ago"


def _bean(address: str, name: str) -> Any:
    with urllib.request.urlopen(f"http://{address}/jmx?qry=Hadoop:service={name}", timeout=SECONDS) as answer:
        return json.load(answer)["beans"][0]


CHECKS: dict[str, Callable[..., str | None]] = {
    "http": http,
    "grpc": grpc,
    "namenode": namenode,
    "datanode": datanode,
    "file": file,
}


def main(arguments: Sequence[str]) -> int:
    """Run one check."""
    if not arguments or arguments[0] not in CHECKS:
        print(__doc__)
        return 0 if list(arguments) == ["--help"] else 2
    try:
        reason = CHECKS[arguments[0]](*arguments[1:])
    except (OSError, ValueError, LookupError) as error:
        reason = f"{type(error).__name__}: {error}"
    if reason:
        print(reason)
    return 1 if reason else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
