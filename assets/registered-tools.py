"""Finds the tools that a package registers, without running any of it.

Arguments: the rules as JSON, and the package's folder. Prints a JSON list of [name, file].
"""

import ast
import json
import sys
from pathlib import Path

RULES = json.loads(sys.argv[1])
PACKAGE = Path(sys.argv[2])


def last_name(node):
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None


def named(call, constants, functions):
    """The name that a call gives a tool: by keyword, as a text, by a constant, or that of a function."""
    given = [k.value for k in call.keywords if k.arg == RULES["keyword"]] + call.args[:1]
    for node in given:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if isinstance(node, ast.Name) and node.id in constants:
            return constants[node.id]
        if last_name(node) in functions:
            return last_name(node)
    return None


def tools_of(tree):
    constants, functions = {}, set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            functions.add(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name) and isinstance(node.value.value, str):
                    constants[target.id] = node.value.value
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for decorator in node.decorator_list:
                call = isinstance(decorator, ast.Call)
                if last_name(decorator.func if call else decorator) in RULES["decorators"]:
                    yield (named(decorator, constants, ()) if call else None) or node.name
        elif isinstance(node, ast.Call):
            name = last_name(node.func)
            if name in RULES["calls"] or (name in RULES["decorators"] and node.args):
                found = named(node, constants, functions)
                if found:
                    yield found


found = set()
for path in sorted(PACKAGE.rglob("*.py")):
    inner = path.relative_to(PACKAGE)
    if any(part in RULES["not_in"] for part in inner.parts) or inner.name.startswith("test_"):
        continue
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        continue
    found.update((name, str(inner)) for name in tools_of(tree))
print(json.dumps(sorted(found)))
