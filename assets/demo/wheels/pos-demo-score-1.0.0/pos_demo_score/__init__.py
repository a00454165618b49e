"""Scores a text against the words of a question."""

__version__ = "1.0.0"


def score(text, question):
    """The share of the question's words that the text contains."""
    wanted = set(question.lower().split())
    if not wanted:
        return 0.0
    return len(wanted & set(text.lower().split())) / len(wanted)
