"""The stream: Kafka to MongoDB, exactly once. Spark itself is imported only by the `spark_*` modules."""
