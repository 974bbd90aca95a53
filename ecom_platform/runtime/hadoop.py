"""What Hadoop's own files say of an HDFS that is not ours: its name service, Kerberos, replication."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from ecom_platform.errors import ConfigurationError
from ecom_platform.settings import Settings

FILES: Final = ("core-site.xml", "hdfs-site.xml")


def hadoop_properties(settings: Settings) -> dict[str, str]:
    """The properties of the folder `ECOM_HADOOP_CONF`, as every client of HDFS gets them; none where it is not set.

    Raises:
        ConfigurationError: the folder has neither file, or one of them cannot be read.
    """
    folder = settings.hadoop_conf
    if folder is None:
        return {}
    files = [folder / name for name in FILES if (folder / name).is_file()]
    if not files:
        raise ConfigurationError(
            f"ECOM_HADOOP_CONF is {folder}, which has no {' and no '.join(FILES)}. Nothing was sent. Copy the files of "
            "the cluster's clients there."
        )
    return {name: value for file in files for name, value in _properties(file).items()}


def _properties(file: Path) -> dict[str, str]:
    try:
        root = ET.parse(file).getroot()  # noqa: S314 - a file of the person's own
    except (OSError, ET.ParseError) as error:
        raise ConfigurationError(f"{file} cannot be read ({error}). Nothing was sent. Copy it again.") from error
    found = {each.findtext("name", ""): each.findtext("value", "") for each in root.iter("property")}
    return {name.strip(): value.strip() for name, value in found.items() if name.strip()}
