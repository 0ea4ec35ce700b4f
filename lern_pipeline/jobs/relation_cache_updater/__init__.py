"""relation-cache-updater: the relations of a published collection, for the readers of Redis."""
