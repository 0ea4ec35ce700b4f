"""user-deletion-cleanup: what the platform keeps of a deleted user goes (contract user-deletion-cleanup)."""
