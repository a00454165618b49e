"""The ways in which a release can go wrong, each by a switch."""

import logging
import os
import signal
import socket
import sys
import time

from .settings import INSTALL, SWITCHES

log = logging.getLogger("mcp_server")


def at_start():
    if "exit_at_once" in SWITCHES:
        sys.exit(SWITCHES["exit_at_once"])
    for name in SWITCHES.get("needs", []):
        if name not in os.environ:
            sys.exit(f"{name} is not set")
    for name in SWITCHES.get("takes_away", []):
        (INSTALL / name).unlink(missing_ok=True)
    for name, text in SWITCHES.get("overwrites", {}).items():
        (INSTALL / name).write_text(text)
    if "fails_after" in SWITCHES:
        sys.exit(SWITCHES["fails_after"])
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


def at_the_end(state):
    """What it leaves in the place of its state file, and beside it."""
    left = SWITCHES.get("leaves")
    if left is None:
        return
    state.with_name(f"{state.name}.4194305").write_text("{")
    state.unlink()
    if left == "pipe":
        os.mkfifo(state)
    elif left == "link":
        state.symlink_to("/dev/zero")
    elif left == "folder":
        state.mkdir()
        (state / "x").write_text("x")
    elif left == "huge":
        os.truncate(os.open(state, os.O_CREAT | os.O_WRONLY), 1 << 40)


def leave_a_child(listener: socket.socket):
    """A child that keeps the port open and outlives its parent."""
    if SWITCHES.get("worker_child") and os.fork() == 0:
        listener.listen()
        while True:
            time.sleep(60)
