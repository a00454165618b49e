"""The index of the standards: built in the background, kept on disk, brought up to date file by file."""

import json
import logging
import os
import threading
import time
from datetime import datetime, timezone

from ..protocol import ToolError
from .search import SearchIndex, Section, read_sections

log = logging.getLogger("ouroboros.index")

# How long a build takes, whatever there is to read: so a build can be watched, or be stopped in the middle.
BUILD_SECONDS = float(os.environ.get("OUROBOROS_BUILD_SECONDS") or 2)
# For so long after a start the progress that another server left is believed.
BELIEVED_SECONDS = BUILD_SECONDS / 4


class StandardsIndex:
    def __init__(self, places):
        self.root = places.standards
        self.table = places.cache / "indexes" / "standards" / "table.json"
        self.progress = places.cache / "rag" / "build-progress" / "standards.json"
        self.flag = self.root / ".rebuild_index"
        self.found = None
        self._lock = threading.Lock()

    def start(self):
        """Takes what lies on disk, however old it is. Builds only where there is nothing."""
        if self.flag.exists():
            self.flag.unlink()
            log.info("a new index was asked for with %s", self.flag.name)
        self.found = self._load()
        if self.found is None:
            log.warning("standards UNHEALTHY: ERROR: there is no table yet, it will be built")
            self.build_in_background()
        else:
            log.info("standards: %d sections from the disk", len(self.found.sections))

    def take_flag(self):
        """What comes with the first request only: from then on nobody looks at the flag."""
        if self.flag.exists():
            self.flag.unlink()
            self.found = None
            self.build_in_background()

    def build_in_background(self):
        threading.Thread(target=self._build, name="build", daemon=True).start()

    def search(self, query, limit):
        if self.found is None:
            raise ToolError("Index not built", build_status=self.build_status())
        return self.found.search(query, limit)

    def update(self, path):
        """Reads one page again, or drops it if it is gone."""
        with self._lock:
            if self.found is None:
                return
            sections = read_sections(self.root, path) if path.is_file() else []
            self.found = self.found.with_file(path.relative_to(self.root).as_posix(), sections)
            self._keep()
        log.info("standards: read %s again", path.relative_to(self.root))

    def build_status(self):
        try:
            told = json.loads(self.progress.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {"state": "not_built", "progress_percent": 0.0, "message": "the build has not begun"}
        return {key: told.get(key) for key in ("state", "progress_percent", "message")}

    def _load(self):
        try:
            rows = json.loads(self.table.read_text(encoding="utf-8"))
            return SearchIndex([Section(*row) for row in rows]) if rows else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            log.warning("%s can't be used: %s", self.table, error)
            return None

    def _build(self):
        try:
            with self._lock:
                if self.progress.exists():
                    time.sleep(BELIEVED_SECONDS)
                pages = sorted(self.root.rglob("*.md"))
                sections = []
                for done, page in enumerate(pages):
                    self._tell("building", 100 * done / len(pages), f"{done} of {len(pages)} pages")
                    time.sleep(BUILD_SECONDS / len(pages))
                    sections += read_sections(self.root, page)
                self.found = SearchIndex(sections)
                self._keep()
                self.progress.unlink(missing_ok=True)
            log.info("standards: built, %d sections of %d pages", len(sections), len(pages))
        except Exception:
            log.exception("standards: the build failed")
            self._tell("failed", 0.0, "see the server's log")

    def _tell(self, state, percent, message):
        now = datetime.now(timezone.utc).isoformat()
        told = {"state": state, "progress_percent": round(percent, 1), "message": message, "timestamp": now}
        write(self.progress, told)

    def _keep(self):
        write(self.table, self.found.rows())


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(value), encoding="utf-8")
    os.replace(draft, path)
