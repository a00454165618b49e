"""The tools, registered by decorator as FastMCP wants it."""

import json
from datetime import datetime, timezone
from pathlib import Path

from fastmcp.exceptions import ToolError

from .settings import INSTALL


def session(state):
    """A session as strictly as the real server reads it: everything has to be there, and of its kind."""
    when = datetime.fromisoformat
    plain = ["session_id", "workflow_type", "target_file", "current_phase", "completed_phases"]
    out = {key: state[key] for key in plain}
    out["phase_artifacts"] = {}
    for number, artifact in state["phase_artifacts"].items():
        ran = [
            (c["command"], c["output"], c["exit_code"], when(c["executed_at"]), c["duration_ms"])
            for c in artifact["commands_executed"]
        ]
        of_phase = {key: artifact[key] for key in ["phase_number", "evidence", "outputs"]}
        out["phase_artifacts"][int(number)] = {**of_phase, "commands": len(ran), "at": str(when(artifact["timestamp"]))}
    states = ["pending", "passed", "failed", "skipped"]
    out["checkpoints"] = {int(n): states[states.index(s)] for n, s in state["checkpoints"].items()}
    out["age"] = str(when(state["updated_at"]) - when(state["created_at"]))
    return out


def register_general(mcp):
    @mcp.tool()
    def current_date() -> dict:
        """Today's date."""
        return {"date": datetime.now(timezone.utc).date().isoformat()}

    @mcp.tool
    async def get_server_info() -> dict:
        """Version and name."""
        return {"version": "1.0.0", "name": "praxis-os"}


def register_search(mcp, index):
    @mcp.tool(name="search_standards", description="Finds sections of the standards.")
    def search(query: str, n_results: int = 5) -> dict:
        return {"results": index.search(query, n_results)}


def register_workflow(mcp):
    def read(path):
        return json.loads(path.read_text())

    @mcp.tool()
    async def pos_workflow(action: str, session_id: str = "") -> dict:
        """Workflows and their sessions."""
        if action == "list_workflows":
            # Relative to where the server was started, as the real one has it.
            folder = Path(".praxis-os/workflows")
            if not folder.is_dir():
                return {"status": "error", "error": f"{folder.absolute()} not found"}
            found = [read(p) for p in sorted(folder.glob("*/metadata.json"))]
            return {"status": "success", "workflows": found, "count": len(found)}
        if action == "get_session":
            path = INSTALL / ".cache" / "state" / f"{session_id}.json"
            if not path.exists():
                return {"status": "error", "error": f"Session {session_id} not found"}
            return {"status": "success", **session(read(path))}
        raise ToolError(f"Unknown action: {action}")


def register_browser(mcp):
    @mcp.tool()
    async def pos_browser(action: str, url: str = "", session_id: str = "") -> dict:
        """A browser that nobody has installed."""
        raise ToolError("BrowserType.launch: Executable doesn't exist; run: playwright install")
