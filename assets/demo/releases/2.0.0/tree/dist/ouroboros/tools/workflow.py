"""pos_workflow: one tool, an action for each step."""

from ..protocol import Tool, ToolError

NOT_YET = ("pause", "resume", "retry_phase", "rollback", "get_errors")


def workflow_tool(engine):
    def run(action, session_id="", workflow_type="", target_file="", phase=-1, task=1, evidence=None):
        actions = {
            "list_workflows": lambda: engine.library.list_workflows(),
            "start": lambda: engine.start(workflow_type, target_file),
            "get_phase": lambda: engine.get_phase(session_id, phase),
            "get_task": lambda: engine.get_task(session_id, phase, task),
            "complete_phase": lambda: engine.complete_phase(session_id, phase, evidence or {}),
            "get_state": lambda: engine.get_state(session_id),
            "list_sessions": lambda: engine.list_sessions(),
            "get_session": lambda: engine.get_session(session_id),
            "delete_session": lambda: engine.delete_session(session_id),
        }
        if action in NOT_YET:
            raise ToolError(f"{action} is not there yet")
        if action not in actions:
            raise ToolError(f"there is no action '{action}'; known: {', '.join([*actions, *NOT_YET])}")
        return {"status": "success", "action": action, **actions[action]()}

    return Tool(
        "pos_workflow",
        "Lists workflows and sessions, starts one and leads through it.",
        {
            "action": {"type": "string"},
            "session_id": {"type": "string"},
            "workflow_type": {"type": "string"},
            "target_file": {"type": "string"},
            "phase": {"type": "integer"},
            "task": {"type": "integer"},
            "evidence": {"type": "object"},
        },
        ["action"],
        run,
    )
