"""Builds the index again when somebody asks for it with a flag file."""

import logging
import threading
import time

log = logging.getLogger("mcp_server.watcher")
SECONDS_BETWEEN_LOOKS = 0.2


class Watcher(threading.Thread):
    def __init__(self, index):
        super().__init__(name="watcher", daemon=True)
        self.index = index
        self.flag = index.root / ".rebuild_index"

    def run(self):
        while True:
            try:
                self.look()
            except Exception:
                log.exception("the index could not be rebuilt")
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def look(self):
        before = self._flag_time()
        if before is None:
            return
        self.index.rebuild()
        # A flag that was set again meanwhile asks for another round.
        if self._flag_time() == before:
            self.flag.unlink()
            log.info("index rebuilt on request")

    def _flag_time(self):
        try:
            return self.flag.stat().st_mtime_ns
        except FileNotFoundError:
            return None
