"""Scores a text against the words of a question."""

from pos_demo_text import words

__version__ = "2.0.0"


def score(question, text):
    """The share of the question's words that the text contains, marks ignored."""
    wanted = set(words(question))
    if not wanted:
        return 0.0
    return len(wanted & set(words(text))) / len(wanted)
