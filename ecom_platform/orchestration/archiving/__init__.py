"""The archive: closed days leave MongoDB for HDFS in runs, and come back when something more happens to them."""
