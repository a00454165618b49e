"""Where things are."""

import os
from pathlib import Path

FOLDER = ".praxis-os"


class PlacesError(Exception):
    """The project or its install was not found; the text says where it was looked for."""


class Places:
    def __init__(self, project):
        self.project = project
        self.install = project / FOLDER
        self.cache = self.install / ".cache"
        self.config = self.install / "config" / "mcp.yaml"
        self.standards = self.install / "standards"
        self.workflows = self.install / "workflows"
        self.sessions = self.install / "state" / "workflow"

    @classmethod
    def from_environment(cls):
        """The project is named by the environment, else it is the working folder. Both must hold the install."""
        project = Path(os.environ.get("PROJECT_ROOT") or os.getcwd()).absolute()
        if not Path(FOLDER).is_dir():
            raise PlacesError(f"there is no {FOLDER} in the working folder {os.getcwd()}; start the server from the project")
        places = cls(project)
        if not places.install.is_dir():
            raise PlacesError(f"there is no {FOLDER} in {project}; set PROJECT_ROOT to the project")
        return places
