"""Functions of the project's Python files, and which of them calls which. Read anew for each question."""

import ast
import fnmatch
import logging
from collections import deque

from ..protocol import ToolError

log = logging.getLogger("ouroboros.index.code")


class Function:
    def __init__(self, file, node):
        self.file = file
        self.name = node.name
        self.lines = [node.lineno, node.end_lineno]
        calls = [call.func for call in ast.walk(node) if isinstance(call, ast.Call)]
        self.calls = {getattr(func, "id", None) or getattr(func, "attr", None) for func in calls} - {None}

    def describe(self):
        return {"file_path": self.file, "symbol": self.name, "line_range": self.lines}


class CodeIndex:
    def __init__(self, places, settings):
        self.root = places.install
        self.settings = settings

    def functions(self):
        excluded = self.settings["exclude_patterns"]
        for folder in self.settings["source_paths"]:
            for path in sorted((self.root / folder).rglob("*.py")):
                if any(fnmatch.fnmatch(path.as_posix(), pattern) for pattern in excluded):
                    continue
                try:
                    tree = ast.parse(path.read_text(encoding="utf-8"))
                except (OSError, ValueError, SyntaxError) as error:
                    log.warning("%s was left out: %s", path, error)
                    continue
                for node in ast.walk(tree):
                    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        yield Function(str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path), node)

    def search(self, query, limit):
        wanted = set(query.lower().replace("_", " ").split())
        scored = []
        for function in self.functions():
            hits = len(wanted & set(function.name.lower().split("_")))
            if hits:
                scored.append((-hits, function.file, function.lines[0], function))
        scored.sort(key=lambda row: row[:3])
        return [row[3].describe() for row in scored[:limit]]

    def callers(self, symbol):
        return [function.describe() for function in self.functions() if symbol in function.calls]

    def dependencies(self, symbol):
        called = set()
        for function in self.functions():
            if function.name == symbol:
                called |= function.calls
        return [function.describe() for function in self.functions() if function.name in called]

    def call_paths(self, symbol, target, depth):
        if not target:
            raise ToolError("to_symbol is needed")
        calls = {}
        for function in self.functions():
            calls.setdefault(function.name, set()).update(function.calls)
        found, waiting = [], deque([[symbol]])
        while waiting:
            path = waiting.popleft()
            if path[-1] == target and len(path) > 1:
                found.append(path)
            elif len(path) <= depth:
                ahead = sorted(calls.get(path[-1], set()) & calls.keys() - set(path))
                waiting.extend(path + [name] for name in ahead)
        return found[:20]
