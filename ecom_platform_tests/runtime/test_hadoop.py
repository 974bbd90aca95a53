"""What Hadoop's own files say of an HDFS that is not ours reaches every client of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ecom_platform.errors import ConfigurationError
from ecom_platform.runtime.hadoop import hadoop_properties
from ecom_platform.settings import Settings

CORE = "<configuration><property><name>fs.defaultFS</name><value>hdfs://shop</value></property></configuration>"
HDFS = """<?xml version="1.0"?>
<configuration>
  <!-- two NameNodes -->
  <property><name>dfs.nameservices</name><value> shop </value><final>true</final></property>
  <property><name>dfs.replication</name><value/></property>
</configuration>"""


def _settings(folder: Path) -> Settings:
    return Settings(_env_file=None, hadoop_conf=folder)


def test_both_files_count_and_what_is_around_a_value_does_not(tmp_path: Path) -> None:
    """As Hadoop itself reads them."""
    (tmp_path / "core-site.xml").write_text(CORE)
    (tmp_path / "hdfs-site.xml").write_text(HDFS)

    found = hadoop_properties(_settings(tmp_path))

    assert found == {"fs.defaultFS": "hdfs://shop", "dfs.nameservices": "shop", "dfs.replication": ""}


def test_without_a_folder_there_is_nothing_to_add() -> None:
    """Our own HDFS needs none of it."""
    assert hadoop_properties(Settings(_env_file=None)) == {}


def test_a_folder_without_the_files_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    """It is most often the folder above."""
    with pytest.raises(ConfigurationError, match=r"ECOM_HADOOP_CONF is .*no core-site\.xml and no hdfs-site\.xml"):
        hadoop_properties(_settings(tmp_path))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """Half a file would be half a cluster."""
    (tmp_path / "hdfs-site.xml").write_text(HDFS[:90])

    with pytest.raises(ConfigurationError, match=r"hdfs-site\.xml cannot be read"):
        hadoop_properties(_settings(tmp_path))
