"""Every key that the config can have. Whatever is not here is refused, so that a slip of the pen is noticed."""

import re

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class Field:
    def __init__(self, check, required=False, default=None):
        self.check = check
        self.required = required
        self.default = default


def text(value, path):
    return value, [] if isinstance(value, str) else [(path, "a text is needed, in quotes if it looks like a number")]


def switch(value, path):
    return value, [] if isinstance(value, bool) else [(path, "true or false is needed")]


def whole(least, most):
    def check(value, path):
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return value, [] if fits else [(path, f"a whole number from {least} to {most} is needed")]

    return check


def one_of(*names):
    def check(value, path):
        return value, [] if value in names else [(path, f"one of {', '.join(names)} is needed")]

    return check


def texts(value, path):
    if not isinstance(value, list):
        return value, [(path, "a list is needed")]
    return value, [(f"{path}.{at}", "a text is needed") for at, one in enumerate(value) if not isinstance(one, str)]


def paths(value, path):
    if value == []:
        return value, [(path, "at least one path is needed")]
    return texts(value, path)


def section(fields):
    def check(value, path):
        if not isinstance(value, dict):
            return value, [(path or "the file", "a section with keys is needed")]
        dot = f"{path}." if path else ""
        wrong = [(dot + name, "Extra inputs are not permitted") for name in value if name not in fields]
        found = {}
        for name, field in fields.items():
            if name in value:
                found[name], more = field.check(value[name], dot + name)
                wrong += more
            elif field.required:
                wrong.append((dot + name, "Field required"))
            else:
                found[name] = field.default
        return found, wrong

    return check


def named(pattern, check_one):
    """Sections whose names the user chooses."""

    def check(value, path):
        if not isinstance(value, dict):
            return value, [(path, "a section with keys is needed")]
        found, wrong = {}, []
        for name, one in value.items():
            if not re.fullmatch(pattern, name):
                wrong.append((f"{path}.{name}", "this name has a sign that is not allowed"))
            found[name], more = check_one(one, f"{path}.{name}")
            wrong += more
        return found, wrong

    return check


VECTOR = section({
    "model": Field(text, default="words"),
    "dimension": Field(whole(1, 4096), default=384),
    "chunk_size": Field(whole(50, 4000), default=500),
    "chunk_overlap": Field(whole(0, 1000), default=50),
})
FTS = section({"enabled": Field(switch, default=True), "language": Field(text, default="en")})
DOMAIN = section({"include_paths": Field(paths, required=True), "exclude_patterns": Field(texts, default=())})
PARTITION = section({"path": Field(text, required=True), "domains": Field(named(r"[A-Za-z0-9_]+", DOMAIN), default={})})

CONFIG = section({
    "version": Field(text, required=True),
    "indexes": Field(section({
        "standards": Field(section({
            "source_paths": Field(paths, required=True),
            "vector": Field(VECTOR, required=True),
            "fts": Field(FTS, required=True),
        }), required=True),
        "code": Field(section({
            "source_paths": Field(paths, required=True),
            "languages": Field(paths, required=True),
            "vector": Field(VECTOR, required=True),
            "fts": Field(FTS, required=True),
            "graph": Field(section({
                "enabled": Field(switch, default=True),
                "max_depth": Field(whole(1, 20), default=5),
            }), required=True),
            "exclude_patterns": Field(texts, default=()),
            "partitions": Field(named(r"[A-Za-z0-9_-]+", PARTITION), default={}),
        }), required=True),
        "ast": Field(section({
            "source_paths": Field(paths, required=True),
            "languages": Field(paths, required=True),
        }), required=True),
        "file_watcher": Field(section({
            "enabled": Field(switch, default=True),
            "debounce_ms": Field(whole(50, 60000), default=500),
        }), required=True),
    }), required=True),
    "workflow": Field(section({
        "session_timeout_minutes": Field(whole(1, 10080), default=240),
        "strict_gates": Field(switch, default=True),
    }), required=True),
    "browser": Field(section({
        "enabled": Field(switch, default=True),
        "max_sessions": Field(whole(1, 100), default=5),
    }), required=True),
    "logging": Field(section({"level": Field(one_of(*LEVELS), default="INFO")}), required=True),
})
