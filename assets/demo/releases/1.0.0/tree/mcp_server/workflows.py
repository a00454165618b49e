"""Reads the installed workflows and the sessions that were started with them."""

import json
import logging
import re

from .server import ToolError

log = logging.getLogger("mcp_server.workflows")
SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Workflows:
    def __init__(self, install):
        self.workflows = install / "workflows"
        self.sessions = install / ".cache" / "state"

    def list_workflows(self):
        found = []
        for path in sorted(self.workflows.glob("*/metadata.json")):
            metadata = read_object(path)
            if metadata is not None:
                found.append({
                    "workflow_type": metadata.get("workflow_type", path.parent.name),
                    "name": metadata.get("name", ""),
                    "description": metadata.get("description", ""),
                    "total_phases": metadata.get("total_phases", 0),
                })
        return {"workflows": found, "count": len(found)}

    def list_sessions(self):
        found = []
        for path in sorted(self.sessions.glob("*.json")):
            session = read_object(path)
            if session is not None and "session_id" in session:
                found.append({
                    "session_id": session["session_id"],
                    "workflow_type": session.get("workflow_type"),
                    "current_phase": session.get("current_phase"),
                    "updated_at": session.get("updated_at"),
                })
        return {"sessions": found, "count": len(found)}

    def get_session(self, session_id):
        if not SESSION_ID.fullmatch(session_id):
            raise ToolError("a session id consists of letters, digits, '-' and '_'")
        session = read_object(self.sessions / f"{session_id}.json")
        if session is None:
            raise ToolError(f"there is no session '{session_id}'")
        return session

    def get_phase(self, workflow_type, phase):
        for path in sorted(self.workflows.glob("*/metadata.json")):
            metadata = read_object(path) or {}
            if metadata.get("workflow_type", path.parent.name) != workflow_type:
                continue
            for entry in metadata.get("phases", []):
                if entry.get("number") == phase:
                    page = path.parent / entry["file"]
                    return {"phase": phase, "name": entry["name"], "text": page.read_text(encoding="utf-8")}
            raise ToolError(f"'{workflow_type}' has no phase {phase}")
        raise ToolError(f"there is no workflow '{workflow_type}'")


def read_object(path):
    """The JSON object in a file; None if there is none. Others may be writing it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("%s was skipped: %s", path, error)
        return None
    return value if isinstance(value, dict) else None
