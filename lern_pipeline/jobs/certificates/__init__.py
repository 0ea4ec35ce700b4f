"""What the jobs that issue certificates share."""
