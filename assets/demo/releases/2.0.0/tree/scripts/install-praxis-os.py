#!/usr/bin/env python3
"""Copies this repository's standards, workflows, scripts and server into a project."""

import shutil
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
TARGETS = {
    "dist/universal/standards": "standards/universal",
    "dist/universal/workflows": "workflows",
    "dist/ouroboros": "ouroboros",
    "scripts": "scripts",
}
SKIPPED = shutil.ignore_patterns("__pycache__", "*.pyc", ".DS_Store", ".pytest_cache", ".mypy_cache")


def main():
    if len(sys.argv) != 2:
        print("usage: install-praxis-os.py PROJECT", file=sys.stderr)
        return 2
    install = Path(sys.argv[1]).resolve() / ".praxis-os"
    if install.exists():
        print(f"{install} exists already; nothing was changed", file=sys.stderr)
        return 1
    for source, target in TARGETS.items():
        shutil.copytree(SOURCE / source, install / target, ignore=SKIPPED)
    (install / "config").mkdir()
    shutil.copyfile(SOURCE / "dist/config/mcp.yaml", install / "config/mcp.yaml")
    print(f"installed into {install}")
    print(f"next: python3 -m venv {install / 'venv'}")
    print(f"      {install / 'venv/bin/pip'} install -r {install / 'ouroboros/requirements.txt'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
