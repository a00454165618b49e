"""Command line: python -m mcp_server --transport {dual|stdio|http}"""

import argparse
import logging
import os
import signal
import sys
import threading

from . import __version__, stdio, tools
from .config import Settings
from .http_transport import start_http
from .search import SearchIndex
from .server import McpServer
from .state import StateFile
from .watcher import Watcher

log = logging.getLogger("mcp_server")
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}


def parse_arguments():
    parser = argparse.ArgumentParser(prog="mcp_server")
    parser.add_argument("--transport", required=True, choices=["dual", "stdio", "http"])
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    logging.basicConfig(
        stream=sys.stderr,
        level=arguments.log_level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    settings = Settings.from_environment()
    log.info("version %s, project %s", __version__, settings.project)

    index = SearchIndex(settings.install / "standards")
    index.rebuild()
    server = McpServer("praxis-os", __version__)
    tools.register(server, settings, index)
    log.info("tools: %s", ", ".join(server.tool_names()))

    if arguments.transport == "stdio":
        Watcher(index).start()
        stdio.serve(server)
        return 0

    # The signals are blocked before the first thread starts, so that every thread
    # inherits the block and only the wait below sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    Watcher(index).start()
    http = start_http(server)
    state = StateFile(settings, arguments.transport, http.port)
    state.write()
    log.info("listening on %s", state.url)
    if arguments.transport == "dual":
        threading.Thread(target=stdio.serve, args=(server,), name="stdio", daemon=True).start()

    received = signal.sigwait(STOP_SIGNALS)
    log.info("stopping on %s", signal.Signals(received).name)
    if received == signal.SIGINT:
        state.remove()
    sys.stderr.flush()
    # Leave at once: the stdio thread may be in the middle of a read from a pipe.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
