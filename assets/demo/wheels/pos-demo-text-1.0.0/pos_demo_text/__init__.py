"""Counts words of Markdown files."""

import sys

__version__ = "1.0.0"


def count_words(text):
    return len(text.split())


def main():
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            print(f"{count_words(file.read()):6} {name}")
    return 0
