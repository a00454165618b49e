"""The file that tells other programs where this server listens."""

import json
import os
from datetime import datetime, timezone

from .transport.streamable_http import HOST, PATH

# Of the file's form, not of the server.
FORM = "1.0.0"


class StateFile:
    def __init__(self, places, transport, port):
        self.path = places.install / ".mcp_server_state.json"
        self.url = f"http://{HOST}:{port}{PATH}" if port else None
        self.content = {
            "version": FORM,
            "transport": transport,
            "port": port,
            "host": HOST,
            "path": PATH,
            "url": self.url,
            "pid": os.getpid(),
            "started_at": datetime.now(timezone.utc).isoformat(),
            "project": {"name": places.project.name, "root": str(places.project)},
        }

    def write(self):
        """Appears as a whole or not at all, readable for its owner alone."""
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(self.content, file, indent=2)
            file.write("\n")
        os.replace(draft, self.path)

    def remove(self):
        """Removes the file unless another server has written its own meanwhile."""
        try:
            if json.loads(self.path.read_text(encoding="utf-8")).get("pid") == os.getpid():
                self.path.unlink()
        except (OSError, ValueError):
            pass
