"""program-user-info: participation in programs, flattened into one row each (contract program-user-info)."""
