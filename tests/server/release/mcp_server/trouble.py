"""The ways in which a release can go wrong, each by a switch."""

import logging
import os
import signal
import socket
import sys
import time

from .settings import SWITCHES

log = logging.getLogger("mcp_server")


def at_start():
    if "exit_at_once" in SWITCHES:
        sys.exit(SWITCHES["exit_at_once"])
    for name in SWITCHES.get("needs", []):
        if name not in os.environ:
            sys.exit(f"{name} is not set")
    for second in range(SWITCHES.get("slow_start", 0)):
        log.info("building the index, part %d", second + 1)
        time.sleep(1)
    if SWITCHES.get("sleep_at_start"):
        log.info("waiting for something that never comes")
        time.sleep(600)


def once_running():
    if "log_error" in SWITCHES:
        log.error(SWITCHES["log_error"])
    if SWITCHES.get("client_hangs_up"):
        try:
            raise ConnectionResetError(104, "Connection reset by peer")
        except ConnectionResetError:
            log.exception("Exception in ASGI application")
    if SWITCHES.get("traceback"):
        try:
            raise ValueError("the index is broken")
        except ValueError:
            logging.getLogger("mcp_server.index").exception("watching failed")


def ignore_term():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(60)


def leave_a_child(listener: socket.socket):
    """A child that keeps the port open and outlives its parent."""
    if SWITCHES.get("worker_child") and os.fork() == 0:
        listener.listen()
        while True:
            time.sleep(60)
