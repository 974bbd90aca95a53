"""Names that servers take."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecom_platform.valid_names import database_name, spark_master, topic_name

MASTERS = ("local", "local[*,4]", "local-cluster[2,1,1024]", "yarn", "spark://a:7077,b:7077", "k8s://https://a:6443")
TAKEN = {
    topic_name: ("orders", "a.b_c-9", "x" * 249),
    database_name: ("ecommerce", "shop-2", "läden", "x" * 63),
    spark_master: MASTERS,
}
NO_DATABASE = ("", "a b", "a.b", "$x", "a/b", "x" * 64, "ä" * 32, "admin", "local", "config")
REFUSED = {
    (topic_name, "a topic has"): ("", ".", "..", "a b", "ünï", "x" * 250, "orders\n"),
    (database_name, "database"): NO_DATABASE,
    (spark_master, "a master is"): ("", "localhost", "spark:7077", "local[", "yarn-client"),
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in TAKEN.items() for name in names])
def test_a_name_that_the_server_takes_is_one(kind: Callable[[str], str], name: str) -> None:
    """A topic with dots, of which Kafka only warns; 63 bytes of any letters; every kind of master that Spark lists."""
    assert kind(name) == name


@pytest.mark.parametrize(
    ("kind", "said", "name"), [(kind, said, name) for (kind, said), names in REFUSED.items() for name in names]
)
def test_a_name_that_the_server_refuses_or_keeps_for_itself_is_none(
    kind: Callable[[str], str], said: str, name: str
) -> None:
    """It would be told in a message that reads like a server that is down or a programmer's mistake, or not at all."""
    with pytest.raises(ValueError, match=said):
        kind(name)
