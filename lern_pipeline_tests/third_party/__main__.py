"""``python -m lern_pipeline_tests.third_party [PORT]``: all services, until the process is ended; needs no more than
the standard library. Without a port, a free one; the first line of its output is its address."""

from __future__ import annotations

import signal
import sys

from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.all_services import all_services


def main() -> None:
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    ending = {signal.SIGINT, signal.SIGTERM}
    # Before the server's threads, which inherit it: the signals are waited for, and end nothing half-way.
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    with ThirdParty(all_services(), port) as server:
        print(server.address, flush=True)
        signal.sigwait(ending)


if __name__ == "__main__":
    main()
