"""Leads a session from phase to phase."""

from datetime import datetime

from ..protocol import ToolError
from .library import Library
from .sessions import Sessions, timing
from .tasks import task_of


class Engine:
    def __init__(self, places, settings):
        self.library = Library(places)
        self.sessions = Sessions(places)
        self.settings = settings

    def start(self, workflow_type, target_file):
        first = self.library.numbers(workflow_type)[0]
        phase = self.library.get_phase(workflow_type, first)
        session = self.sessions.create(workflow_type, target_file or "unnamed", first)
        return {"session_id": session["session_id"], "workflow_type": workflow_type, "phase_content": phase}

    def get_phase(self, session_id, phase):
        session = self.sessions.get(session_id)[1]
        return self.library.get_phase(session["workflow_type"], session["current_phase"] if phase < 0 else phase)

    def get_task(self, session_id, phase, task):
        return task_of(self.get_phase(session_id, phase), task)

    def complete_phase(self, session_id, phase, evidence):
        folder, session = self.sessions.get(session_id)
        if folder != "active":
            raise ToolError(f"the session is {folder}")
        if phase != session["current_phase"]:
            raise ToolError(f"phase {session['current_phase']} is the current one, not {phase}")
        if self.settings["strict_gates"] and not evidence:
            raise ToolError("evidence is needed")
        now, key = datetime.now().isoformat(), str(phase)
        clock = session["phase_timings"].setdefault(key, timing(phase, now))
        began = clock.get("started_at")
        spent = datetime.now() - datetime.fromisoformat(began).replace(tzinfo=None) if began else None
        clock.update(completed_at=now, duration_seconds=spent.total_seconds() if spent else None)
        session["checkpoints"][key] = "passed"
        session["evidence_submitted"][key] = evidence
        session["completed_phases"] = sorted({*session["completed_phases"], phase})
        session["updated_at"] = now
        later = [number for number in self.library.numbers(session["workflow_type"]) if number > phase]
        if later:
            session["current_phase"] = later[0]
            session["phase_timings"][str(later[0])] = timing(later[0], now)
            self.sessions.save("active", session)
        else:
            session.update(completed_at=now, status="completed")
            self.sessions.move(session, "completed")
        return {"checkpoint_passed": True, "workflow_complete": not later, "next_phase": later[0] if later else None}

    def get_state(self, session_id):
        folder, session = self.sessions.get(session_id)
        return {"session_status": folder, **{**session, "status": "success"}}

    def get_session(self, session_id):
        session = self.sessions.get(session_id)[1]
        # Whoever has a phase behind him is called complete here; get_state knows better.
        status = "completed" if session["completed_phases"] else "active"
        return {"session": {**session, "session_status": status}}

    def list_sessions(self):
        found = [
            {
                "session_id": session["session_id"],
                "workflow_type": session["workflow_type"],
                "current_phase": session["current_phase"],
                "completed_phases": session["completed_phases"],
                "updated_at": session["updated_at"],
                "session_status": folder,
            }
            for folder, session in self.sessions.all()
        ]
        return {"sessions": found, "count": len(found)}

    def delete_session(self, session_id):
        self.sessions.delete(session_id)
        return {"deleted": True, "session_id": session_id}
