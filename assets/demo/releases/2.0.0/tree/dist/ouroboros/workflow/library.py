"""Reads the installed workflows."""

import json
import logging
import re

from ..protocol import ToolError

log = logging.getLogger("ouroboros.workflow.library")
TASK = re.compile(r"(\d+)\.\s+(.*)")


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

    def phases(self, workflow_type):
        """Each phase with its number, name and page."""
        for path in sorted(self.workflows.glob("*/metadata.json")):
            metadata = read_object(path) or {}
            if metadata.get("workflow_type", path.parent.name) == workflow_type:
                return [(entry["number"], entry["name"], path.parent / entry["file"]) for entry in metadata["phases"]]
        raise ToolError(f"there is no workflow '{workflow_type}'")

    def get_phase(self, workflow_type, phase):
        for number, name, page in self.phases(workflow_type):
            if number == phase:
                return {"phase": phase, "name": name, "text": page.read_text(encoding="utf-8")}
        raise ToolError(f"'{workflow_type}' has no phase {phase}")

    def get_task(self, workflow_type, phase, task):
        for line in self.get_phase(workflow_type, phase)["text"].splitlines():
            found = TASK.match(line)
            if found and int(found.group(1)) == task:
                return {"phase": phase, "task": task, "text": found.group(2)}
        raise ToolError(f"phase {phase} of '{workflow_type}' has no task {task}")


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
