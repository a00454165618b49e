"""A notebook of pages that were asked for. It opens no browser and no connection."""

import threading
import uuid

from .server import ToolError


class Browser:
    def __init__(self):
        self._pages = {}
        self._lock = threading.Lock()

    def navigate(self, url, session_id):
        if not url.startswith(("http://", "https://", "about:")):
            raise ToolError("the url must begin with http://, https:// or about:")
        with self._lock:
            session_id = session_id or uuid.uuid4().hex
            self._pages.setdefault(session_id, []).append(url)
            return {"status": "ok", "session_id": session_id, "url": url, "pages": len(self._pages[session_id])}

    def close(self, session_id):
        with self._lock:
            if self._pages.pop(session_id, None) is None:
                raise ToolError(f"there is no session '{session_id}'")
            return {"status": "closed", "session_id": session_id}
