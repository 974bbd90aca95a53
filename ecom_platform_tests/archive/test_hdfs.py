"""What HDFS refuses, in words for the person who can mend it. The answers are those of Hadoop 3.5."""

from __future__ import annotations

import pytest

from ecom_platform.archive.hdfs import hdfs_errors
from ecom_platform.errors import UnavailableError

DENIED = (
    'RPCError("org.apache.hadoop.security.AccessControlException", "Permission denied: user=archiver, access=WRITE, '
    'inode=\\"/\\":root:supergroup:drwxr-xr-x\\n\\tat org.apache.hadoop.hdfs.server.namenode.FSPermissionChecker.check'
    '(FSPermissionChecker.java:663)\\n\\tat org.apache.hadoop.hdfs.server.namenode.FSPermissionChecker.check")'
)
SAFE_MODE = (
    'RPCError("org.apache.hadoop.hdfs.server.namenode.SafeModeException", "Cannot create directory /ecommerce. Name '
    'node is in safe mode.\\nIt was turned on manually. Use \\"hdfs dfsadmin -safemode leave\\" to turn it off.")'
)


@pytest.mark.parametrize(
    ("answer", "sentence", "mend"),
    [
        (
            DENIED,
            'Permission denied: user=archiver, access=WRITE, inode="/":root:supergroup:drwxr-xr-x. Nothing',
            "HADOOP_USER_NAME",
        ),
        (SAFE_MODE, "Cannot create directory /ecommerce. Name node is in safe mode. Nothing", "`ecom status`"),
        ("connection refused\nby 127.0.0.1", "connection refused. Nothing", "`ecom status`"),
    ],
)
def test_a_refusal_of_hdfs_is_a_sentence_with_what_mends_it(answer: str, sentence: str, mend: str) -> None:
    """Without Java's class names and stack."""
    with pytest.raises(UnavailableError) as refusal, hdfs_errors("making folders"):
        raise RuntimeError(answer)

    text = str(refusal.value)
    assert text.startswith(f"HDFS failed while making folders: {sentence} in MongoDB was changed by this step.")
    assert mend in text
