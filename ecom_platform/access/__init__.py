"""What each role may do in MongoDB and in Kafka, on a laptop as in a deployment."""
