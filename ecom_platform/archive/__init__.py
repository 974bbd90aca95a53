"""The archive: closed orders move from MongoDB to Parquet in HDFS; nothing is lost, nothing counted twice."""
