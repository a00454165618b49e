"""Where things are, what is switched on, and how this release misbehaves."""

import json
import os
from pathlib import Path

PACKAGE = Path(__file__).absolute().parent
PROJECT = Path(os.environ.get("PROJECT_ROOT") or os.environ.get("AGENT_OS_BASE_PATH") or PACKAGE.parent.parent)
INSTALL = PROJECT / ".praxis-os"
SWITCHES = json.loads((PACKAGE / "switches.json").read_text())


def config():
    try:
        return json.loads((INSTALL / "config.json").read_text())
    except FileNotFoundError:
        return {}


def groups():
    return config().get("mcp", {}).get("enabled_tool_groups", ["rag", "workflow"])
