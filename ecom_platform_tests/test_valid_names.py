"""Names that servers take."""

from __future__ import annotations

import pytest

from ecom_platform.valid_names import database_name, spark_master, topic_name


@pytest.mark.parametrize("name", ["orders", "a.b_c-9", "x" * 249])
def test_a_topic_that_kafka_takes_is_one(name: str) -> None:
    """Also with dots, which it only warns of."""
    assert topic_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "ünï", "x" * 250, "orders\n"])
def test_a_topic_that_kafka_refuses_is_none(name: str) -> None:
    """It would say so in a message that reads like a server that is down."""
    with pytest.raises(ValueError, match="a topic has"):
        topic_name(name)


@pytest.mark.parametrize("name", ["ecommerce", "shop-2", "läden", "x" * 63])
def test_a_database_that_mongodb_takes_is_one(name: str) -> None:
    """Up to 63 bytes, of any letters."""
    assert database_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a.b", "$x", "a/b", "x" * 64, "ä" * 32, "admin", "local", "config"])
def test_a_database_that_mongodb_refuses_or_keeps_for_itself_is_none(name: str) -> None:
    """Its driver calls that a mistake of the programmer."""
    with pytest.raises(ValueError, match="database"):
        database_name(name)


@pytest.mark.parametrize(
    "address",
    ["local", "local[*,4]", "local-cluster[2,1,1024]", "yarn", "spark://a:7077,b:7077", "k8s://https://a:6443"],
)
def test_every_kind_of_master_is_taken(address: str) -> None:
    """As Spark's documentation lists them."""
    assert spark_master(address) == address


@pytest.mark.parametrize("address", ["", "localhost", "spark:7077", "local[", "yarn-client"])
def test_what_is_no_master_is_refused(address: str) -> None:
    """Spark would end without a word that reaches anybody."""
    with pytest.raises(ValueError, match="a master is"):
        spark_master(address)
