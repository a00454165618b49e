"""Reads the installed workflows."""

import json
import logging

from ..protocol import ToolError

log = logging.getLogger("ouroboros.workflow.library")


class Library:
    def __init__(self, places):
        self.workflows = places.workflows

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

    def numbers(self, workflow_type):
        """The numbers of a workflow's phases, the first one first."""
        for path in sorted(self.workflows.glob("*/metadata.json")):
            metadata = read_object(path) or {}
            if metadata.get("workflow_type", path.parent.name) == workflow_type:
                return sorted(entry["number"] for entry in metadata["phases"])
        raise ToolError(f"there is no workflow '{workflow_type}'")

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
