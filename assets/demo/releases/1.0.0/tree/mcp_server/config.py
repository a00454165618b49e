"""Where things are, and which groups of tools are switched on."""

import json
import logging
import os
from pathlib import Path

log = logging.getLogger("mcp_server.config")
DEFAULT_GROUPS = ["rag", "workflow"]


class Settings:
    def __init__(self, project, install, groups):
        self.project = project
        self.install = install
        self.groups = groups

    @classmethod
    def from_environment(cls):
        """Takes the project from the environment, else from where this package lies."""
        named = os.environ.get("PROJECT_ROOT") or os.environ.get("AGENT_OS_BASE_PATH")
        package_parent = Path(__file__).absolute().parent.parent
        if named:
            project = Path(named).absolute()
            install = project / ".praxis-os"
            if not install.is_dir():
                install = package_parent
        else:
            install = package_parent
            project = install.parent
        return cls(project, install, read_groups(install / "config.json"))


def read_groups(path):
    """The list mcp.enabled_tool_groups, or the default if nothing was configured."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return list(DEFAULT_GROUPS)
    except (OSError, ValueError) as error:
        log.error("cannot use %s: %s", path, error)
        return list(DEFAULT_GROUPS)
    mcp = config.get("mcp") if isinstance(config, dict) else None
    groups = mcp.get("enabled_tool_groups") if isinstance(mcp, dict) else None
    if groups is None:
        return list(DEFAULT_GROUPS)
    if not isinstance(groups, list):
        log.error("%s: mcp.enabled_tool_groups must be a list", path)
        return list(DEFAULT_GROUPS)
    return [str(group) for group in groups]
