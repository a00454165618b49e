"""A notebook of pages that were asked for. It opens no browser and no connection."""

import threading
import uuid

from ..protocol import Tool, ToolError


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
            return {"status": "success", "action": "navigate", "session_id": session_id, "url": url, "pages": len(self._pages[session_id])}

    def close(self, session_id):
        with self._lock:
            if self._pages.pop(session_id, None) is None:
                raise ToolError(f"there is no session '{session_id}'")
            return {"status": "success", "action": "close", "session_id": session_id}


def browser_tool(browser):
    def run(action, url="about:blank", session_id=""):
        if action == "navigate":
            return browser.navigate(url, session_id)
        if action == "close":
            return browser.close(session_id)
        raise ToolError(f"there is no action '{action}'; known: navigate, close")

    return Tool(
        "pos_browser",
        "Notes the pages that were asked for, session by session.",
        {"action": {"type": "string"}, "url": {"type": "string"}, "session_id": {"type": "string"}},
        ["action"],
        run,
    )
