#!/usr/bin/env python3
"""Lists relative links in the installed standards that lead nowhere."""

import re
import sys
from pathlib import Path

LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")


def broken_links(root):
    for page in sorted(root.rglob("*.md")):
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                yield page, target


def main():
    root = Path(__file__).resolve().parent.parent / "standards"
    found = list(broken_links(root))
    for page, target in found:
        print(f"{page.relative_to(root)}: {target}")
    print(f"{len(found)} broken links", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
