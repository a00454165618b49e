"""An index that is kept on disk, with the manners of the real one: a note says when it was built and how old each page
was then. A flag is taken once, before the server answers; changed pages are read a while after they changed."""

import json
import logging
import os
import threading
import time
from datetime import datetime

from .settings import INSTALL, PROJECT, SWITCHES, config

log = logging.getLogger("scripts.build_rag_index")
PLACES = config().get("rag", {})
STANDARDS = PROJECT / PLACES.get("standards_path", ".praxis-os/standards")
FOLDER = PROJECT / PLACES.get("index_path", ".praxis-os/.cache/vector_index")
ROWS, NOTE, FLAG = FOLDER / "rows.json", FOLDER / "metadata.json", STANDARDS / ".rebuild_index"


def work(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def write(path, value):
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(value))
    draft.rename(path)


def pages():
    return {str(page.relative_to(STANDARDS.parent)): page for page in sorted(STANDARDS.rglob("*.md"))}


class KeptIndex:
    def __init__(self):
        if not FOLDER.is_dir():
            FOLDER.mkdir(parents=True)
            self.build()
        self.load()
        self.take_flag()

    def load(self):
        self.rows = json.loads(ROWS.read_text())

    def is_fresh(self):
        if not NOTE.exists():
            return False
        try:
            built = datetime.fromisoformat(json.loads(NOTE.read_text())["build_time"])
        except Exception as problem:
            log.warning("the note can't be read: %s", problem)
            return False
        return not any(datetime.fromtimestamp(page.stat().st_mtime) > built for page in pages().values())

    def changed(self):
        now = pages()
        if not NOTE.exists():
            return now
        known = json.loads(NOTE.read_text())["files_mtimes"]
        self.drop(set(known) - set(now))
        return {name: page for name, page in now.items() if known.get(name) != page.stat().st_mtime}

    def drop(self, names):
        if ROWS.exists():
            write(ROWS, [row for row in json.loads(ROWS.read_text()) if row[0] not in names])

    def build(self):
        """Whether there is anything new to load."""
        if self.is_fresh():
            log.info("the index is fresh")
            return False
        changed = self.changed()
        if not changed:
            return False
        self.drop(changed)
        rows = []
        for name, page in changed.items():
            work(SWITCHES.get("seconds_a_page", 0))
            try:
                rows += [[name, part] for part in page.read_text(encoding="utf-8").split("\n\n")]
            except Exception as problem:
                log.error("Failed to chunk %s: %s", page, problem)
        write(ROWS, (json.loads(ROWS.read_text()) if ROWS.exists() else []) + rows)
        times = {name: page.stat().st_mtime for name, page in pages().items()}
        write(NOTE, {"build_time": datetime.now().isoformat(), "source_files": len(times), "files_mtimes": times})
        log.info("the index is built")
        return True

    def take_flag(self):
        if not FLAG.exists():
            return
        if "flag_fails" in SWITCHES:
            log.error("Failed to build index from flag: %s", SWITCHES["flag_fails"])
            return
        if self.build():
            self.load()
        FLAG.unlink()

    def search(self, query, limit):
        words = set(query.lower().split())
        scored = [(len(words & set(text.lower().split())), name, text) for name, text in self.rows]
        best = sorted((s for s in scored if s[0]), reverse=True)[:limit]
        return [{"file": name, "content": text, "score": score} for score, name, text in best]

    def watch(self):
        def seen():
            stats = {name: page.stat() for name, page in pages().items()}
            return {name: (stat.st_mtime_ns, stat.st_ctime_ns) for name, stat in stats.items()}

        def look():
            before = seen()
            while True:
                time.sleep(0.05)
                try:
                    if seen() == before:
                        continue
                    time.sleep(SWITCHES.get("debounce", 1))
                    if self.build():
                        self.load()
                    # What changed meanwhile was not noticed.
                    before = seen()
                except FileNotFoundError:
                    pass

        threading.Thread(target=look, daemon=True).start()
