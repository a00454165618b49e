"""The sections of the standards, found by their words."""

import logging
import sys
import threading
import time

from .settings import INSTALL

log = logging.getLogger("mcp_server.index")

FLAG = INSTALL / "standards" / ".rebuild_index"


class Index:
    def __init__(self):
        self.sections = []
        self.rebuild()

    def rebuild(self):
        sys.path.insert(0, str(INSTALL))
        try:
            from scripts.check import split
        except ImportError:
            log.exception("the index can't be built")
            return
        sections = []
        for page in sorted((INSTALL / "standards").rglob("*.md")):
            sections += [(page.name, part) for part in split(page.read_text())]
        self.sections = sections

    def search(self, query, limit):
        words = set(query.lower().split())
        scored = [(len(words & set(text.lower().split())), name, text) for name, text in self.sections]
        best = sorted((s for s in scored if s[0]), reverse=True)[:limit]
        return [{"file": name, "content": text, "score": score} for score, name, text in best]

    def watch(self):
        """Rebuilds when the flag is there, and takes it away."""

        def look():
            while True:
                if FLAG.exists():
                    self.rebuild()
                    FLAG.unlink(missing_ok=True)
                time.sleep(0.1)

        threading.Thread(target=look, daemon=True).start()
