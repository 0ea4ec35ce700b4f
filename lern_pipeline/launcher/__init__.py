"""Runs as forks of a preloaded process: a run starts in a fraction of the time that a new Python needs.

``run_launcher.py``   what Dagster calls: fork, or hand over to Dagster's own launcher
``server_handle.py``  a fork server as its owner sees it
``fork_server.py``    the fork server's process: preload, fork, reap
``worker.py``         what a fork does: one run
``sources.py``        has the code or the configuration changed since the preload?
``migrations.py``     Dagster's migration scripts, read once
``compute_logs.py``   output of runs straight into files, without Dagster's two helper processes per stream

Each process that launches runs has fork servers of its own: the daemon, and a webserver only where no queue is in use.
They share nothing but the instance's storage, so there is no socket in the file system, no lock and no leader.

Imported by the daemon and the webserver: nothing here may import the clients of Kafka, Cassandra and so on.
"""

from lern_pipeline.launcher.compute_logs import FileComputeLogManager
from lern_pipeline.launcher.run_launcher import ForkServerRunLauncher

__all__ = ["FileComputeLogManager", "ForkServerRunLauncher"]
