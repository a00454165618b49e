"""get_server_info and current_date."""

import os
import platform
import time
from datetime import datetime, timezone

from .. import __version__
from ..protocol import Tool, ToolError

STARTED = time.monotonic()


def server_info_tool(places, transport, subsystems):
    def status():
        return {
            "server": {
                "pid": os.getpid(),
                "uptime_seconds": round(time.monotonic() - STARTED, 1),
                "python_version": platform.python_version(),
                "transport": transport,
                "project_root": str(places.project),
            },
            "subsystems": subsystems,
            "capabilities": {"tools_available": 0},
        }

    def health():
        # It says what is loaded, not what works.
        return {"health": "healthy", "checks": {name: True for name in subsystems}}

    def metrics():
        return {"metrics": {"queries": 0}}

    def version():
        return {"version": f"{__version__}-ouroboros", "python_version": platform.python_version()}

    def run(action="status"):
        actions = {"status": status, "health": health, "behavioral_metrics": metrics, "version": version}
        if action not in actions:
            raise ToolError(f"there is no action '{action}'; known: {', '.join(actions)}")
        return {"status": "success", "action": action, **actions[action]()}

    return Tool(
        "get_server_info",
        "What runs here, and since when.",
        {"action": {"type": "string", "description": "status, health, behavioral_metrics or version"}},
        [],
        run,
    )


def date_tool():
    def run():
        now = datetime.now(timezone.utc)
        return {"status": "success", "date": now.date().isoformat(), "time": now.isoformat(timespec="seconds")}

    return Tool("current_date", "Today's date and the time, in UTC.", {}, [], run)
