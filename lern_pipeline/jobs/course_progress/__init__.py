"""What the jobs that compute course progress share: enrolment keys, progress, rows, the state they read."""
