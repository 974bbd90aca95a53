"""A standalone Spark master and two workers, each at an address of its own, that cannot see the clone or its packages.

The workers run in mount namespaces in which an empty folder lies over the clone and over the environment; Spark itself
is a copy elsewhere. What a task needs must come with the job.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyspark

from ecom_platform.runtime.java import find_java
from ecom_platform_tests.clusters.programs import Programs, listens
from ecom_platform_tests.programs import free_ports

MASTER, WORKERS = "127.0.0.2", ("127.0.0.3", "127.0.0.4")
DRIVER = "127.0.0.5"
CLONE = Path(__file__).parents[2]


class SparkWorkers:
    """The cluster; workers are numbered from 1."""

    def __init__(self, folder: Path) -> None:
        self.programs = Programs(folder)
        self._port, self._web, *self._worker_webs = free_ports(2 + len(WORKERS))
        self._spark = folder / "spark"

    @property
    def master(self) -> str:
        """The address of the master."""
        return f"spark://{MASTER}:{self._port}"

    def properties(self, archive: Path) -> str:
        """A file of properties for the driver: where it is, and what the executors get."""
        return "".join(
            f"{name} {value}\n"
            for name, value in {
                "spark.driver.host": DRIVER,
                "spark.driver.bindAddress": DRIVER,
                "spark.archives": f"{archive}#executors",
                "spark.pyspark.python": "./executors/bin/python",
                "spark.executor.memory": "700m",
                "spark.executor.cores": 1,
                "spark.cores.max": 2,
                "spark.task.maxFailures": 4,
                "spark.worker.cleanup.enabled": "true",
            }.items()
        )

    def start(self) -> None:
        """Start master and workers and wait until they have registered."""
        # Links where the disk is the same: half a gigabyte.
        shutil.copytree(Path(pyspark.__file__).parent, self._spark, copy_function=_link_or_copy, symlinks=True)
        main = "org.apache.spark.deploy.master.Master"
        self.programs.start(
            "master",
            [*self._java(), main, "--host", MASTER, "--port", str(self._port), "--webui-port", str(self._web)],
            self._environment(MASTER),
        )
        self.programs.await_ready("the master listens", lambda: listens(self._port, MASTER))
        for number in range(1, len(WORKERS) + 1):
            self.start_worker(number)
        self.programs.await_ready("workers are registered", lambda: all(map(self._registered, (1, 2))))

    def start_worker(self, number: int) -> None:
        """Start a worker that cannot see the clone."""
        host = WORKERS[number - 1]
        work = self.programs.folder / f"work-{number}"
        work.mkdir(exist_ok=True)
        command = [
            *(*self._java(), "org.apache.spark.deploy.worker.Worker", "--host", host, "--cores", "2"),
            *("--memory", "1600m", "--work-dir", str(work), "--webui-port", str(self._worker_webs[number - 1])),
            self.master,
        ]
        self.programs.start(f"worker-{number}", hidden(command), self._environment(host))

    def _registered(self, number: int) -> bool:
        return "Successfully registered" in self.programs.log(f"worker-{number}").read_text()

    def _java(self) -> list[str]:
        return [find_java().program, "-Xmx256m", "-cp", f"{self._spark / 'jars'}/*"]

    def _environment(self, host: str) -> dict[str, str]:
        return {
            "SPARK_HOME": str(self._spark),
            "SPARK_LOCAL_IP": host,
            "JAVA_HOME": str(find_java().home),
            "PATH": f"{Path(sys.base_prefix) / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": "",
            "VIRTUAL_ENV": "",
        }


def hidden(command: list[str]) -> list[str]:
    """A command as it runs where neither the clone nor its environment can be seen."""
    empty = "mount -t tmpfs none"
    places = dict.fromkeys([str(CLONE), str(Path(sys.prefix).resolve())])
    mounts = " && ".join(f"{empty} '{place}'" for place in places if Path(place).exists())
    return ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh", *command]


def cannot_hide() -> str | None:
    """Why this machine cannot hide folders from a program; None where it can."""
    if os.geteuid() != 0:
        return "only root can make a mount namespace in which the clone is hidden"
    tried = subprocess.run(hidden(["true"]), capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no mount namespace can be made here: {tried.stderr.strip()}"


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
