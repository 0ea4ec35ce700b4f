"""What the jobs share that keep the "manage learn" services' MongoDB in step with user accounts."""
