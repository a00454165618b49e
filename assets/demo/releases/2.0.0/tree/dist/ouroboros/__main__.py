"""Command line: python -m ouroboros --transport {dual|stdio|http}"""

import argparse
import logging
import os
import signal
import sys
import threading

from . import __version__
from .config.loader import ConfigError, load_config
from .index.code import CodeIndex
from .index.standards import StandardsIndex
from .index.watcher import Watcher
from .places import Places, PlacesError
from .protocol import McpServer
from .runtime_lock import AlreadyRunning, RuntimeLock
from .state_file import StateFile
from .tools.about import date_tool, server_info_tool
from .tools.browser import Browser, browser_tool
from .tools.filesystem import filesystem_tool
from .tools.search_project import search_tool
from .tools.workflow import workflow_tool
from .transport import stdio
from .transport.streamable_http import start_http
from .workflow.engine import Engine

log = logging.getLogger("__main__")
STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
# Of the protocol's library, as clients see it; get_server_info tells the release.
LIBRARY_VERSION = "4.2.3"


def parse_arguments():
    parser = argparse.ArgumentParser(prog="ouroboros")
    parser.add_argument("--transport", required=True, choices=["dual", "stdio", "http"])
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    logging.basicConfig(stream=sys.stderr, level=arguments.log_level, format="%(levelname)s:%(name)s:%(message)s")
    log.info("version %s", __version__)
    try:
        places = Places.from_environment()
        config = load_config(places.config)
    except (PlacesError, ConfigError) as error:
        log.error("the server did not start: %s", error, exc_info=True)
        return 1
    lock = RuntimeLock(places)
    try:
        lock.take()
    except AlreadyRunning as error:
        log.info("a server for this project is already running: %s", error)
        return 0
    # The signals are blocked before the first thread starts, so that every thread
    # inherits the block and only the wait below sees them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    return serve(arguments.transport, places, config, lock)


def serve(transport, places, config, lock):
    standards = StandardsIndex(places)
    engine = Engine(places, config["workflow"])
    server = server_with_tools(transport, places, config, standards, engine)
    # What was asked for before the start is over when the state file says that the server is there.
    standards.start()
    http = start_http(server) if transport != "stdio" else None
    state = StateFile(places, transport, http.port if http else None)
    state.write()
    log.info("listening on %s", state.url or "standard input")

    def end_tidily():
        for leftover in (state.remove, lock.release):
            leftover()
        sys.stderr.flush()
        # Leave at once: another thread may be in the middle of a read from a pipe.
        os._exit(0)

    def serve_stdin():
        stdio.serve(server)
        log.info("standard input was closed")
        end_tidily()

    if config["indexes"]["file_watcher"]["enabled"]:
        Watcher(standards).start()
    if transport != "http":
        threading.Thread(target=serve_stdin, name="stdio", daemon=True).start()
    received = signal.sigwait(STOP_SIGNALS)
    log.info("stopping on %s", signal.Signals(received).name)
    if received == signal.SIGINT:
        end_tidily()
    # Whoever asks for the end this way finds the state file and the locks as they are.
    sys.stderr.flush()
    signal.signal(received, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {received})
    os.kill(os.getpid(), received)
    return 0


def server_with_tools(transport, places, config, standards, engine):
    browser = config["browser"]["enabled"]
    subsystems = {
        "rag": {"enabled": True, "initialized": True},
        "workflow": {"enabled": True, "initialized": True},
        "browser": {"enabled": browser, "initialized": browser},
    }
    server = McpServer("praxis-os", LIBRARY_VERSION)
    server.add(search_tool(standards, CodeIndex(places, config["indexes"]["code"])))
    server.add(workflow_tool(engine))
    if browser:
        server.add(browser_tool(Browser()))
    server.add(filesystem_tool(places))
    server.add(date_tool())
    server.add(server_info_tool(places, transport, subsystems))

    def prepare():
        standards.take_flag()
        engine.sessions.remove_old()

    server.before_first_request = prepare
    log.info("tools: %s", ", ".join(server.tool_names()))
    return server


if __name__ == "__main__":
    sys.exit(main())
