"""Sessions on disk, one file each. The folder says how a session stands; a file with an unknown key is not read."""

import json
import logging
import re
import time
import uuid
from datetime import datetime

from ..protocol import ToolError

log = logging.getLogger("ouroboros.workflow.sessions")

FOLDERS = ("active", "completed", "error")
SESSION_ID = re.compile(r"(?!.*\.\.)[^/\\\0]{1,64}")
DAY = 24 * 60 * 60
KEPT_DAYS = {"completed": 30, "error": 7}
CHECKPOINTS = {"pending", "passed", "failed"}
NEEDED = ("session_id", "workflow_type", "target_file")
ARTIFACT = {"phase", "artifact_type", "file_path", "metadata", "timestamp"}
TIMING = {"phase", "started_at", "completed_at", "duration_seconds"}


class SessionError(ValueError):
    """Why a file is no session."""


class Sessions:
    def __init__(self, places):
        self.root = places.sessions
        for folder in FOLDERS:
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def remove_old(self):
        """By the age of the file, once in each run of the server."""
        for folder, days in KEPT_DAYS.items():
            for path in sorted((self.root / folder).glob("*.json")):
                if time.time() - path.stat().st_mtime > days * DAY:
                    path.unlink()
                    log.info("removed %s, it is older than %d days", path.name, days)

    def all(self):
        """Each session with the folder that it is in; what can't be read is left out."""
        for folder in FOLDERS:
            for path in sorted((self.root / folder).glob("*.json")):
                try:
                    yield folder, load(path)
                except SessionError as error:
                    log.warning("%s was skipped: %s", path, error)

    def get(self, session_id):
        """The folder and the session."""
        folder, path = self._find(session_id)
        try:
            return folder, load(path)
        except SessionError as error:
            log.warning("%s was skipped: %s", path, error)
            if isinstance(error.__cause__, ValueError):
                raise ToolError(f"invalid JSON: {error.__cause__}", session_id=session_id) from None
            raise ToolError("Session not found", session_id=session_id) from None

    def delete(self, session_id):
        self._find(session_id)[1].unlink()

    def create(self, workflow_type, target_file, phase):
        now = datetime.now().isoformat()
        session = {
            "session_id": f"workflow_default_{uuid.uuid4()}",
            "workflow_type": workflow_type,
            "target_file": target_file,
            "current_phase": phase,
            "completed_phases": [],
            "phase_artifacts": {},
            "checkpoints": {},
            "evidence_submitted": {},
            "phase_timings": {str(phase): timing(phase, now)},
            "created_at": now,
            "updated_at": now,
            "completed_at": None,
            "metadata": {},
            "status": "active",
        }
        self.save("active", session)
        return session

    def save(self, folder, session):
        text = json.dumps(session, indent=2)
        (self.root / folder / f"{session['session_id']}.json").write_text(text, encoding="utf-8")

    def move(self, session, folder):
        before = self._find(session["session_id"])[1]
        self.save(folder, session)
        if before.parent.name != folder:
            before.unlink()

    def _find(self, session_id):
        if not SESSION_ID.fullmatch(session_id):
            raise ToolError("a session id has up to 64 signs, no slashes and no two dots beside each other")
        for folder in FOLDERS:
            path = self.root / folder / f"{session_id}.json"
            if path.is_file():
                return folder, path
        raise ToolError("Session not found", session_id=session_id)


def timing(phase, started_at):
    return {"phase": phase, "started_at": started_at, "completed_at": None, "duration_seconds": None}


def load(path):
    """Raises SessionError for everything that this server would not have written itself."""
    try:
        session = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SessionError(str(error)) from error
    if not isinstance(session, dict):
        raise SessionError("it is no object")
    for key in NEEDED:
        if not isinstance(session.get(key), str) or not session[key]:
            raise SessionError(f"{key}: Field required")
    if not is_number(session.get("current_phase")):
        raise SessionError("current_phase: Field required")
    for key, value in session.items():
        if key in FORM:
            if not FORM[key](value):
                raise SessionError(f"{key}: the value is not allowed")
        elif key not in (*NEEDED, "current_phase"):
            raise SessionError(f"{key}: Extra inputs are not permitted")
    return {**{key: default() for key, default in DEFAULTS.items()}, **session}


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool)


def is_time(value):
    if value is None:
        return True
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def by_phase(fits):
    """An object whose keys are numbers of phases."""
    return lambda value: isinstance(value, dict) and all(key.isdigit() and fits(one) for key, one in value.items())


def is_timing(value):
    if not isinstance(value, dict) or not value.keys() <= TIMING:
        return False
    duration = value.get("duration_seconds")
    times = is_time(value.get("started_at")) and is_time(value.get("completed_at"))
    return times and is_number(value.get("phase")) and (duration is None or isinstance(duration, (int, float)))


FORM = {
    "completed_phases": lambda value: isinstance(value, list) and all(is_number(one) for one in value),
    "phase_artifacts": by_phase(lambda one: isinstance(one, dict) and one.keys() <= ARTIFACT),
    "checkpoints": by_phase(lambda one: one in CHECKPOINTS),
    "evidence_submitted": by_phase(lambda one: isinstance(one, dict)),
    "phase_timings": by_phase(is_timing),
    "created_at": is_time,
    "updated_at": is_time,
    "completed_at": is_time,
    "metadata": lambda value: isinstance(value, dict),
    "status": lambda value: value in FOLDERS,
}
DEFAULTS = {
    "completed_phases": list,
    "phase_artifacts": dict,
    "checkpoints": dict,
    "evidence_submitted": dict,
    "phase_timings": dict,
    "created_at": lambda: None,
    "updated_at": lambda: None,
    "completed_at": lambda: None,
    "metadata": dict,
}
