"""A search index in memory: sections of Markdown files, ranked by their words."""

import logging
import math
import re
from collections import Counter
from datetime import datetime, timezone

log = logging.getLogger("mcp_server.search")

WORD = re.compile(r"[a-z0-9_]{2,}")
HEADING = re.compile(r"#{1,6}\s+(.*)")

# Words that say nothing about what a section is about.
STOP_WORDS = {
    "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it",
    "of", "on", "or", "that", "the", "to", "what", "with",
    # Our questions are often in German.
    "das", "der", "die", "ein", "eine", "ist", "und", "wie",
}

# How much of a section is shown in a result.
SNIPPET_LENGTH = 900


def words_of(text):
    return [word for word in WORD.findall(text.lower()) if word not in STOP_WORDS]


class Section:
    def __init__(self, file, title, text):
        self.file = file
        self.title = title
        self.text = text
        self.counts = Counter(words_of(title + "\n" + text))


class SearchIndex:
    def __init__(self, root):
        self.root = root
        self.sections = []
        self.document_counts = Counter()
        self.built_at = None

    def rebuild(self):
        """Reads everything again; searches see the old index until it is complete."""
        sections = []
        for path in sorted(self.root.rglob("*.md")):
            try:
                text = path.read_text(encoding="utf-8", errors="replace")
            except OSError as error:
                log.warning("%s is not in the index: %s", path, error)
                continue
            sections.extend(split_sections(path.relative_to(self.root).as_posix(), text))
        document_counts = Counter()
        for section in sections:
            document_counts.update(section.counts.keys())
        self.sections, self.document_counts = sections, document_counts
        self.built_at = datetime.now(timezone.utc)
        log.info("index: %d sections", len(sections))

    def search(self, query, limit):
        wanted = set(words_of(query))
        scored = []
        for section in self.sections:
            score = self.score(section, wanted)
            if score > 0:
                scored.append((score, section))
        scored.sort(key=lambda pair: (-pair[0], pair[1].file, pair[1].title))
        return [describe(section, score) for score, section in scored[:limit]]

    def score(self, section, wanted):
        """Frequent in this section and rare in all others counts most."""
        total = sum(section.counts.values()) or 1
        score = 0.0
        for word in wanted:
            frequency = section.counts[word] / total
            rarity = math.log(1 + len(self.sections) / (1 + self.document_counts[word]))
            score += frequency * rarity
        return score


def split_sections(file, text):
    """Cuts a file at its headings, but not at lines of code that begin with #."""
    title, lines, in_code = file, [], False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            in_code = not in_code
        heading = None if in_code else HEADING.match(line)
        if heading:
            if any(part.strip() for part in lines):
                yield Section(file, title, "\n".join(lines).strip())
            title, lines = heading.group(1).strip(), []
        else:
            lines.append(line)
    if any(part.strip() for part in lines):
        yield Section(file, title, "\n".join(lines).strip())


def describe(section, score):
    text = section.text
    if len(text) > SNIPPET_LENGTH:
        text = text[:SNIPPET_LENGTH].rstrip() + " ..."
    return {
        "file": f"standards/{section.file}",
        "section": section.title,
        "text": text,
        "score": round(score, 4),
    }
