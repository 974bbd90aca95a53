"""What every part needs to talk to Kafka: client options, the topic as the broker describes it, open transactions."""
