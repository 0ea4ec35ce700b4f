"""``python -m lern_pipeline_tests.third_party [--mail] [PORT]``: all services, until the process is ended.

Without a port, a free one; the first line of its output is its address. ``--mail``: with a mail server, whose address
and mails are the state of the service ``mail``. Without it, no more than the standard library is needed.
"""

from __future__ import annotations

import argparse
import signal
from contextlib import ExitStack

from lern_pipeline_tests.third_party.server import ThirdParty
from lern_pipeline_tests.third_party.services.all_services import all_services


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", nargs="?", type=int, default=0)
    parser.add_argument("--mail", action="store_true")
    arguments = parser.parse_args()
    ending = {signal.SIGINT, signal.SIGTERM}
    # Before the server's threads, which inherit it: the signals are waited for, and end nothing half-way.
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    services = all_services()
    with ExitStack() as running:
        if arguments.mail:
            from lern_pipeline_tests.third_party.mail_server import MailServer
            from lern_pipeline_tests.third_party.services.mailbox import Mailbox

            services.append(Mailbox(running.enter_context(MailServer())))
        server = running.enter_context(ThirdParty(services, arguments.port))
        print(server.address, flush=True)
        signal.sigwait(ending)


if __name__ == "__main__":
    main()
