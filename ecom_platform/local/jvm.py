"""The JVMs of our own servers: how they are started, under any host name and with any /tmp.

Their class path and options are in an argument file: the class path alone has thousands of characters.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

from ecom_platform.local.instance import Instance
from ecom_platform.runtime.java import LAPTOP_OPTIONS, NO_RECORD, find_java
from ecom_platform.settings import Settings


def command(
    settings: Settings, instance: Instance, name: str, class_path: Sequence[Path], options: Sequence[str]
) -> list[str]:
    """The command line of a JVM that runs in the home, up to the main class. Raises ConfigurationError: no Java.

    Args:
        name: of the program; its temporary files are in a folder of that name.
        options: more than every JVM of ours has.
    """
    temporary = instance.temporary / name
    temporary.mkdir(mode=0o700, exist_ok=True)
    arguments = instance.run / f"{name}.args"
    lines = [f'-cp "{":".join(str(path) for path in class_path)}"', f'"-Djava.io.tmpdir={temporary}"']
    arguments.write_text("\n".join([*lines, ""]), encoding="utf-8")
    (instance.run / "hosts").write_text(hosts(socket.gethostname()))
    own = [*LAPTOP_OPTIONS, NO_RECORD, "-Djava.net.preferIPv4Stack=true", "-Djdk.net.hosts.file=run/hosts", *options]
    return [str(Path(find_java(settings.java_home).program).absolute()), *own, f"@run/{arguments.name}"]


def hosts(name: str) -> str:
    """All names that our servers know: they ask for this machine's own, which on a laptop no resolver may know."""
    return f"127.0.0.1 localhost {name}\n"
