"""The jobs, one folder each: pure rules, what to read, names and wiring. Adding a job means adding a folder."""
