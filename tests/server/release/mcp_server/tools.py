"""The tools, registered by decorator as FastMCP wants it."""

import json
from datetime import datetime, timezone

from fastmcp.exceptions import ToolError

from .settings import INSTALL


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
            found = [read(p) for p in sorted((INSTALL / "workflows").glob("*/metadata.json"))]
            return {"status": "success", "workflows": found, "count": len(found)}
        if action == "get_session":
            path = INSTALL / ".cache" / "state" / f"{session_id}.json"
            if not path.exists():
                return {"status": "error", "error": f"Session {session_id} not found"}
            state = read(path)
            known = {k: state[k] for k in ["session_id", "workflow_type", "current_phase", "completed_phases"]}
            return {"status": "success", **known}
        raise ToolError(f"Unknown action: {action}")


def register_browser(mcp):
    @mcp.tool()
    async def pos_browser(action: str, url: str = "", session_id: str = "") -> dict:
        """A browser that nobody has installed."""
        raise ToolError("BrowserType.launch: Executable doesn't exist; run: playwright install")
