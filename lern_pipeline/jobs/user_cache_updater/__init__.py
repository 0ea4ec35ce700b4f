"""user-cache-updater: one Redis hash per user, kept up to date from audit events (contract user-cache-updater)."""
