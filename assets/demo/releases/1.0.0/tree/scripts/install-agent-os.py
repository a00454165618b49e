#!/usr/bin/env python3
"""Copies this repository's standards, workflows, scripts and server into a project."""

import shutil
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
TARGETS = {
    "universal/standards": "standards/universal",
    "universal/workflows": "workflows",
    "mcp_server": "mcp_server",
    "scripts": "scripts",
}
SKIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store")


def main():
    if len(sys.argv) != 2:
        print("usage: install-agent-os.py PROJECT", file=sys.stderr)
        return 2
    install = Path(sys.argv[1]).resolve() / ".praxis-os"
    if install.exists():
        print(f"{install} exists already; nothing was changed", file=sys.stderr)
        return 1
    for source, target in TARGETS.items():
        shutil.copytree(SOURCE / source, install / target, ignore=SKIPPED)
    print(f"installed into {install}")
    print(f"next: python3 -m venv {install / 'venv'}")
    print(f"      {install / 'venv/bin/pip'} install -r {install / 'mcp_server/requirements.txt'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
