"""What the tests of whole archive runs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from ecom_platform.archive.hdfs import connect_hdfs
from ecom_platform.archive.spark_write import archive_session
from ecom_platform.settings import Settings
from ecom_platform_tests.conftest import Platform


@pytest.fixture(scope="module")
def spark(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    """One session for the module: starting one takes seconds."""
    home = tmp_path_factory.mktemp("spark")
    with archive_session(platform.settings.model_copy(update={"home": home})) as session:
        yield session


@pytest.fixture
def empty_archive(settings: Settings) -> None:
    """Tests have a database each, but share HDFS."""
    connect_hdfs(settings).delete("/ecommerce", recursive=True)
