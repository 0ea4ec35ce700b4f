"""Clients of Kafka, Cassandra, Redis and the HTTP services, made from settings."""
