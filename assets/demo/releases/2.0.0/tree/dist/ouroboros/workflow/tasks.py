"""The numbered tasks of a phase, as its page lists them."""

import re

from ..protocol import ToolError

TASK = re.compile(r"(\d+)\.\s+(.*)")


def task_of(phase, number):
    for line in phase["text"].splitlines():
        found = TASK.match(line)
        if found and int(found.group(1)) == number:
            return {"phase": phase["phase"], "task": number, "text": found.group(2)}
    raise ToolError(f"phase {phase['phase']} has no task {number}")
