"""The tools that an assistant sees."""

from datetime import datetime, timezone

from . import __version__
from .server import Tool, ToolError
from .workflows import Workflows

WORKFLOW_TOOL = "aos_workflow"


def register(server, settings, index):
    server.add(server_info_tool(server, settings, index))
    server.add(date_tool())
    if "rag" in settings.groups:
        server.add(search_tool(index))
    if "workflow" in settings.groups:
        server.add(workflow_tool(Workflows(settings.install)))


def server_info_tool(server, settings, index):
    def run():
        return {
            "name": server.name,
            "version": __version__,
            "project": str(settings.project),
            "tool_groups": settings.groups,
            "tools": server.tool_names(),
            "index": {"sections": len(index.sections), "built_at": index.built_at.isoformat()},
        }

    return Tool("get_server_info", "Version, project, tools and state of the index.", {}, [], run)


def date_tool():
    def run():
        now = datetime.now(timezone.utc)
        return {"date": now.date().isoformat(), "time": now.isoformat(timespec="seconds")}

    return Tool("current_date", "Today's date and the time, in UTC.", {}, [], run)


def search_tool(index):
    def run(query, n_results=5):
        if not query.strip():
            raise ToolError("the query is empty")
        results = index.search(query, max(1, min(n_results, 50)))
        return {"query": query, "count": len(results), "results": results}

    return Tool(
        "search_standards",
        "Finds the sections of the installed standards that fit a question best.",
        {
            "query": {"type": "string", "description": "a question or a few words"},
            "n_results": {"type": "integer", "description": "how many sections, 5 unless told"},
        },
        ["query"],
        run,
    )


def workflow_tool(workflows):
    def run(action, session_id="", workflow_type="", phase=0):
        if action == "list_workflows":
            return workflows.list_workflows()
        if action == "list_sessions":
            return workflows.list_sessions()
        if action == "get_session":
            return workflows.get_session(session_id)
        if action == "get_phase":
            return workflows.get_phase(workflow_type, phase)
        raise ToolError(
            f"there is no action '{action}'; known: list_workflows, list_sessions, get_session, get_phase"
        )

    return Tool(
        WORKFLOW_TOOL,
        "Lists workflows and sessions, shows one session or one phase.",
        {
            "action": {"type": "string"},
            "session_id": {"type": "string"},
            "workflow_type": {"type": "string"},
            "phase": {"type": "integer"},
        },
        ["action"],
        run,
    )
