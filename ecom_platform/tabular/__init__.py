"""Orders as Arrow: their schema, documents to record batches, the Spark session and its MongoDB data source."""
