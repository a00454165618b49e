"""Lists the headings of a Markdown text."""

__version__ = "1.0.0"


def outline(text):
    """Pairs of level and title, in the order of the text."""
    headings = []
    for line in text.splitlines():
        marks = len(line) - len(line.lstrip("#"))
        if 1 <= marks <= 6 and line[marks:].startswith(" "):
            headings.append((marks, line[marks:].strip()))
    return headings
