"""What an administrator does to HDFS, with Hadoop's own tool."""

from __future__ import annotations

import subprocess

from ecom_platform.runtime.jars import class_path
from ecom_platform.runtime.java import find_java
from ecom_platform.settings import Settings


def dfsadmin(settings: Settings, *arguments: str) -> None:
    """Run `hdfs dfsadmin …`; takes two seconds."""
    jars = ":".join(str(path) for path in class_path("hadoop", settings.jar_cache))
    java = find_java(settings.java_home).program
    command = [java, "-cp", jars, "org.apache.hadoop.hdfs.tools.DFSAdmin", "-fs", settings.hdfs_uri, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
