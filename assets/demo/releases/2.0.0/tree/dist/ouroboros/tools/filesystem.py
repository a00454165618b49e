"""pos_filesystem: files of the project, and of nothing else."""

import shutil

from ..protocol import Tool, ToolError


class Files:
    def __init__(self, root):
        self.root = root.resolve()

    def place(self, path):
        """Nothing outside of the project, by whatever way it is named."""
        place = (self.root / path).resolve()
        if place != self.root and self.root not in place.parents:
            raise ToolError(f"{path} is not in the project")
        return place

    def name(self, place):
        return place.relative_to(self.root).as_posix()


def filesystem_tool(places):
    files = Files(places.project)

    def write(place, content, mode):
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open(mode, encoding="utf-8") as file:
            file.write(content)
        return {"bytes": place.stat().st_size}

    def stat(place):
        about = place.stat()
        return {"size": about.st_size, "mode": oct(about.st_mode), "is_dir": place.is_dir()}

    def target(destination):
        if not destination:
            raise ToolError("destination is needed")
        return files.place(destination)

    def run(action, path, content="", destination="", pattern="*"):
        place = files.place(path)
        actions = {
            "read": lambda: {"content": place.read_text(encoding="utf-8")},
            "write": lambda: write(place, content, "w"),
            "append": lambda: write(place, content, "a"),
            "delete": lambda: place.unlink(),
            "move": lambda: {"path": files.name(place.rename(target(destination)))},
            "copy": lambda: {"path": files.name(shutil.copyfile(place, target(destination)))},
            "list": lambda: {"entries": sorted(entry.name for entry in place.iterdir())},
            "exists": lambda: {"exists": place.exists()},
            "stat": lambda: stat(place),
            "glob": lambda: {"entries": sorted(files.name(files.place(found)) for found in place.glob(pattern))},
            "mkdir": lambda: place.mkdir(parents=True, exist_ok=True),
            "rmdir": lambda: place.rmdir(),
        }
        if action not in actions:
            raise ToolError(f"there is no action '{action}'; known: {', '.join(actions)}")
        try:
            return {"status": "success", "action": action, **(actions[action]() or {})}
        except (OSError, ValueError, NotImplementedError) as error:
            raise ToolError(str(error)) from None

    return Tool(
        "pos_filesystem",
        "Reads, writes and lists files of the project.",
        {
            "action": {"type": "string"},
            "path": {"type": "string", "description": "relative to the project"},
            "content": {"type": "string"},
            "destination": {"type": "string"},
            "pattern": {"type": "string"},
        },
        ["action", "path"],
        run,
    )
