"""user-ownership-transfer: one user's course batches go to another."""
