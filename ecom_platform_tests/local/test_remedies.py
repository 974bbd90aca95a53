"""What a server that died says of its data is said to a person, with what to do. Lines as the servers wrote them."""

from __future__ import annotations

import pytest

from ecom_platform.local.remedies import remedy

KEY = '"msg":"Error creating service context","attr":{"error":"Location5579201: Unable to acquire security key[s]"}}'
DAMAGED = '"s":"F","c":"ASSERT","id":23089,"ctx":"initandlisten","msg":"Fatal assertion","attr":{"msgid":50853}}'
NEWER = '"msg":"** IMPORTANT: UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document"}'


@pytest.mark.parametrize(
    ("server", "log", "advice"),
    [
        ("mongodb", KEY, "Delete credentials/mongodb-keyfile"),
        ("mongodb", DAMAGED, "data in data/mongodb is damaged"),
        ("mongodb", f"{NEWER}\n{DAMAGED}", "another version of MongoDB"),
        (
            "kafka",
            "java.lang.RuntimeException: Error: node ID not found in data/kafka",
            "data in data/kafka is damaged",
        ),
        (
            "kafka",
            "java.lang.RuntimeException: No readable meta.properties files found.",
            "data in data/kafka is damaged",
        ),
        ("hdfs", "java.io.IOException: Incompatible clusterIDs in /home/data/datanode", "Put back copies of both"),
        ("hdfs", "java.io.IOException: NameNode is not formatted.", "Put back copies of both"),
    ],
)
def test_data_that_a_server_refuses_has_a_way_out(server: str, log: str, advice: str) -> None:
    """That of docs/operations.md."""
    found = remedy(server, log)

    assert found is not None
    assert advice in found


@pytest.mark.parametrize(
    ("server", "log"),
    [
        ("mongodb", '"msg":"Unknown --setParameter \'noSuchParameter\'"'),
        ("kafka", "java.net.BindException: Address already in use"),
        ("hdfs", "java.lang.OutOfMemoryError: Java heap space"),
        ("another", KEY),
    ],
)
def test_another_death_has_no_remedy_in_the_data(server: str, log: str) -> None:
    """No data is deleted because a port was in use."""
    assert remedy(server, log) is None
