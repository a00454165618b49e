"""Counts words and sections of Markdown files."""

import sys

__version__ = "1.1.0"


def count_words(text):
    return len(text.split())


def count_sections(text):
    return sum(1 for line in text.splitlines() if line.startswith("#"))


def main():
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            text = file.read()
        print(f"{count_words(text):6} words {count_sections(text):4} sections {name}")
    return 0
