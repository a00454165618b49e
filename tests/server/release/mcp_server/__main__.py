"""python -m mcp_server --transport {http|dual|stdio}"""

import argparse
import fcntl
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from datetime import datetime, timezone

from . import trouble
from .settings import INSTALL, PROJECT, SWITCHES, groups

STATE = INSTALL / ".mcp_server_state.json"
log = logging.getLogger("mcp_server")


def arguments():
    parser = argparse.ArgumentParser(prog="mcp_server")
    parser.add_argument("--transport", required=True, choices=["http", "dual", "stdio"])
    parser.add_argument("--log-level", default="INFO")
    return parser.parse_args()


def write_state(transport, port):
    port = SWITCHES.get("claim_port", port)
    state = {
        "version": "1.0.0",
        "transport": transport,
        "port": port,
        "host": "127.0.0.1",
        "path": "/mcp",
        "url": f"http://127.0.0.1:{port}/mcp",
        "pid": SWITCHES.get("claim_pid", os.getpid()),
        "started_at": datetime.now(timezone.utc).isoformat(),
        "project": {"name": PROJECT.name, "root": str(PROJECT)},
    }
    if not SWITCHES.get("keep_old_state"):
        draft = STATE.with_name(f"{STATE.name}.{os.getpid()}")
        draft.write_text(json.dumps(state))
        draft.chmod(0o600)
        draft.rename(STATE)


def talk_over_stdin():
    """An editor's half: it ends with the pipe, which it moves away from where others could disturb it."""
    wire = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
    fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)

    def wait():
        try:
            while os.read(wire, 4096):
                pass
        except OSError:
            log.info("the terminal is gone")
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main():
    options = arguments()
    logging.basicConfig(stream=sys.stderr, level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    trouble.at_start()

    import uvicorn
    from fastmcp import FastMCP

    from . import tools
    from .index import Index
    from .kept_index import KeptIndex

    mcp = FastMCP("praxis-os")
    index = KeptIndex() if SWITCHES.get("kept_index") else Index()
    enabled = groups()
    tools.register_general(mcp)
    if "rag" in enabled:
        tools.register_search(mcp, index)
    if "workflow" in enabled and SWITCHES.get("lose_tool") != "pos_workflow":
        tools.register_workflow(mcp)
    if "browser" in enabled:
        tools.register_browser(mcp)
    try:
        from .more_tools import register_more
    except ImportError:
        pass
    else:
        register_more(mcp)
    index.watch()

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    trouble.leave_a_child(listener)
    write_state(options.transport, listener.getsockname()[1])
    if options.transport != "http":
        talk_over_stdin()
    trouble.once_running()
    if SWITCHES.get("never_answers"):
        time.sleep(600)

    config = uvicorn.Config(mcp.http_app(path="/mcp"), log_level="info", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    if SWITCHES.get("ignore_term"):
        threading.Thread(target=server.run, args=([listener],), daemon=True).start()
        trouble.ignore_term()
    # It raises the signal that ended it once more.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run([listener])
    trouble.at_the_end(STATE)


main()
