"""One server for each project: two lock files say which process it is."""

import logging
import os
import time
from pathlib import Path

log = logging.getLogger("ouroboros.runtime_lock")

OLDEST_SECONDS = 24 * 60 * 60
SECONDS_FOR_THE_OTHER = 12


class AlreadyRunning(Exception):
    """Another process serves this project."""


class RuntimeLock:
    def __init__(self, places):
        self.folder = places.cache
        self.runtime = places.cache / ".runtime.lock"
        self.init = places.cache / ".init.lock"

    def take(self):
        """Raises AlreadyRunning while another server lives."""
        self.folder.mkdir(parents=True, exist_ok=True)
        while not create(self.runtime, f"{os.getpid()} {int(time.time())}\n"):
            owner, since = read(self.runtime)
            if is_server(owner) and time.time() - since < OLDEST_SECONDS:
                raise AlreadyRunning(f"process {owner}")
            log.info("removing the lock of process %s, which serves nobody any more", owner)
            self.runtime.unlink(missing_ok=True)
        # Whoever holds the second one is only asked whether it lives, not what it is.
        until = time.monotonic() + SECONDS_FOR_THE_OTHER
        while not create(self.init, f"{os.getpid()}\n"):
            owner, _ = read(self.init)
            if not is_alive(owner):
                self.init.unlink(missing_ok=True)
            elif time.monotonic() > until:
                self.runtime.unlink(missing_ok=True)
                raise AlreadyRunning(f"process {owner} holds {self.init}")
            else:
                time.sleep(0.1)

    def release(self):
        for path in (self.runtime, self.init):
            if read(path)[0] == os.getpid():
                path.unlink(missing_ok=True)


def create(path, text):
    """Whether the file was not there yet. It never exists without its text."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    try:
        os.link(draft, path)
        return True
    except FileExistsError:
        return False
    finally:
        draft.unlink()


def read(path):
    """The process and the time in a lock; zeros if it says nothing."""
    try:
        words = path.read_text(encoding="ascii").split()
        return int(words[0]), int(words[1]) if len(words) > 1 else 0
    except (OSError, ValueError, IndexError):
        return 0, 0


def is_alive(pid):
    if pid <= 0 or pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_server(pid):
    if not is_alive(pid):
        return False
    try:
        return b"ouroboros" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        # Systems without /proc tell no more than that it lives.
        return not Path("/proc/self").exists()
