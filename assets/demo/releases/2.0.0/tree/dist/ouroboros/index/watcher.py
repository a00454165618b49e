"""Brings the index up to date with pages that are written, created or deleted while the server runs."""

import logging
import threading
import time

log = logging.getLogger("ouroboros.index.watcher")
SECONDS_BETWEEN_LOOKS = 0.2


class Watcher(threading.Thread):
    def __init__(self, index):
        super().__init__(name="watcher", daemon=True)
        self.index = index
        self.known = self._pages()

    def run(self):
        while True:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            try:
                self.look()
            except Exception:
                log.exception("the index could not be brought up to date")

    def look(self):
        before, now = self.known, self._pages()
        for path in sorted(before.keys() | now.keys()):
            old, new = before.get(path), now.get(path)
            if old == new:
                continue
            # A page that another file was renamed over is not seen, as with events of the kernel: no write happened.
            if old and new and old[0] != new[0]:
                continue
            self.index.update(path)
        self.known = now

    def _pages(self):
        found = {}
        for path in self.index.root.rglob("*.md"):
            try:
                about = path.stat()
            except OSError:
                continue
            found[path] = (about.st_ino, about.st_mtime_ns, about.st_size)
        return found
