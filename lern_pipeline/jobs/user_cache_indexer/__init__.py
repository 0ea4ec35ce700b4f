"""user-cache-indexer: the users' hashes in Redis, rebuilt from Cassandra (contract user-cache-indexer)."""
