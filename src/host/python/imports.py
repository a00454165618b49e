"""Imports what the packages named as arguments bring, one line for each that fails: name, two exclamation marks, reason."""
import importlib
import importlib.metadata
import pathlib
import re
import sys

NOT_MEANT = {"test", "tests", "testing", "doc", "docs", "example", "examples", "benchmark", "benchmarks"}


def modules(name):
    """The modules of a package that stand for it."""
    try:
        files = importlib.metadata.files(name) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = {}
    for file in files:
        parts = pathlib.PurePosixPath(str(file)).parts
        if parts[-1] == "__init__.py" and len(parts) > 1:
            parts = parts[:-1]
        elif len(parts) == 1 and parts[0].split(".")[-1] in ("py", "so"):
            parts = (parts[0].split(".")[0],)
        else:
            continue
        if all(part.isidentifier() for part in parts) and not parts[0].startswith("_"):
            found[".".join(parts)] = len(parts)
    # A package within a package comes with it.
    outer = {m for m in found if not any(m.startswith(other + ".") for other in found)}
    outer = {m for m in outer if m not in NOT_MEANT} or outer
    own = re.sub(r"[-_.]+", "_", name).lower()
    return sorted(m for m in outer if m.lower() == own) or sorted(outer)


for wanted in sys.argv[1:]:
    names = modules(wanted)
    if names is None:
        print(wanted, "is not installed", sep=" !! ")
        continue
    problems = []
    for module in names:
        try:
            importlib.import_module(module)
        except BaseException as error:  # whatever it raises, it can't be used
            problems.append(f"import {module}: {type(error).__name__}: {error}".splitlines()[0])
    if names and len(problems) == len(names):
        print(wanted, problems[0], sep=" !! ")
