"""What is installed: every page of the standards with its title."""

from .search import HEADING


def list_pages(root, folder):
    """Pages whose path begins with the folder, or all if it is empty."""
    pages = []
    for path in sorted(root.rglob("*.md")):
        file = path.relative_to(root).as_posix()
        if file.startswith(folder):
            pages.append({"file": f"standards/{file}", "title": title_of(path)})
    return {"standards": pages, "count": len(pages)}


def title_of(path):
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        heading = HEADING.match(line)
        if heading:
            return heading.group(1).strip()
    return path.stem
