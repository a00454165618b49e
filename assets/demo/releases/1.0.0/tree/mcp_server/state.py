"""The file that tells other programs where this server listens."""

import json
import os
from datetime import datetime, timezone

from . import __version__
from .http_transport import HOST, PATH


class StateFile:
    def __init__(self, settings, transport, port):
        self.path = settings.install / ".mcp_server_state.json"
        self.url = f"http://{HOST}:{port}{PATH}"
        self.content = {
            "version": __version__,
            "transport": transport,
            "port": port,
            "host": HOST,
            "path": PATH,
            "url": self.url,
            "pid": os.getpid(),
            "started_at": datetime.now(timezone.utc).isoformat(),
            "project": {"name": settings.project.name, "root": str(settings.project)},
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
