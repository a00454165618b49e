"""Sections of Markdown files, ranked by their words."""

import logging
import math
import re
from collections import Counter

log = logging.getLogger("ouroboros.index.search")

WORD = re.compile(r"[a-z0-9_]{2,}")
HEADING = re.compile(r"#{1,6}\s+(.*)")

# Words that say nothing about what a section is about.
STOP_WORDS = {
    "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it",
    "of", "on", "or", "that", "the", "to", "what", "with",
}

# How much of a section is shown in a result.
SNIPPET_LENGTH = 400


def words_of(text):
    return [word for word in WORD.findall(text.lower()) if word not in STOP_WORDS]


class Section:
    def __init__(self, file, title, text, first, last):
        self.file = file
        self.title = title
        self.text = text
        self.first = first
        self.last = last
        self.counts = Counter(words_of(title + "\n" + text))

    def row(self):
        """How it is kept on disk."""
        return [self.file, self.title, self.text, self.first, self.last]


class SearchIndex:
    def __init__(self, sections):
        self.sections = sections
        self.document_counts = Counter()
        for section in sections:
            self.document_counts.update(section.counts.keys())

    def rows(self):
        return [section.row() for section in self.sections]

    def with_file(self, file, sections):
        """The same with other sections of one file; none if it is gone."""
        return SearchIndex([section for section in self.sections if section.file != file] + sections)

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
        """Frequent here, rare elsewhere; a word of the heading counts three times."""
        total = sum(section.counts.values()) or 1
        heading = set(words_of(section.title))
        score = 0.0
        for word in wanted:
            frequency = section.counts[word] / (section.counts[word] + 1 + total / 100)
            rarity = math.log(1 + len(self.sections) / (1 + self.document_counts[word]))
            score += frequency * rarity * (3 if word in heading else 1)
        return score


def read_sections(root, path):
    """The sections of one page; none, with a line in the log, if it can't be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        log.warning("%s is not in the index: %s", path, error)
        return []
    return list(split_sections(path.relative_to(root).as_posix(), text))


def split_sections(file, text):
    """Cuts a file at its headings, but not at lines of code that begin with #."""
    title, lines, in_code, first = file, [], False, 1
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            in_code = not in_code
        heading = None if in_code else HEADING.match(line)
        if heading:
            if any(part.strip() for part in lines):
                yield Section(file, title, "\n".join(lines).strip(), first, number - 1)
            title, lines, first = heading.group(1).strip(), [], number
        else:
            lines.append(line)
    if any(part.strip() for part in lines):
        yield Section(file, title, "\n".join(lines).strip(), first, first + len(lines))


def describe(section, score):
    text = section.text
    if len(text) > SNIPPET_LENGTH:
        text = text[:SNIPPET_LENGTH].rstrip() + " ..."
    return {
        "content": text,
        "file_path": f"standards/{section.file}",
        "relevance_score": round(score, 4),
        "content_type": "standards",
        "metadata": {},
        "chunk_id": f"{section.file}:{section.first}",
        "line_range": [section.first, section.last],
        "section": section.title,
    }
