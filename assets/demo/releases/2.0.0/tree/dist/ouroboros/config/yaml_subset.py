"""Reads the part of YAML that a config needs, and refuses the rest with the number of the line.

Understood: mappings and lists in block style, lists and mappings in flow style on one line, quoted and plain scalars,
comments. Not understood: anchors, tags, texts over several lines, several documents, tabs before a key.
"""

import json
import re

KEY = re.compile(r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[A-Za-z0-9_.][^\s:'"\[\]{},#]*)\s*:(?=\s|$)\s*""")
WHOLE = re.compile(r"[-+]?[0-9]+")
DECIMAL = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
WORDS = {"": None, "~": None, "null": None, "true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
SPECIAL = set("&*!|>%@`")


class YamlError(ValueError):
    """What can't be read, and in which line."""


class Line:
    def __init__(self, number, indent, text):
        self.number = number
        self.indent = indent
        self.text = text

    def is_item(self):
        return self.text == "-" or self.text.startswith("- ")

    def refuse(self, reason):
        raise YamlError(f"line {self.number}: {reason}")


def parse(text):
    """The value of a document; None if it has none."""
    lines = list(significant(text))
    if lines and lines[0].text == "---":
        del lines[0]
    if not lines:
        return None
    value, at = block(lines, 0, lines[0].indent)
    if at < len(lines):
        lines[at].refuse("it stands further to the left or right than its neighbours")
    return value


def significant(text):
    for number, raw in enumerate(text.splitlines(), 1):
        line = without_comment(raw).rstrip()
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip(" "))
        if line[indent] == "\t":
            raise YamlError(f"line {number}: a tab stands before the text; use spaces")
        yield Line(number, indent, line[indent:])


def without_comment(line):
    """A comment begins with # at the start or after a space, outside of quotes."""
    quote = None
    at = 0
    while at < len(line):
        sign = line[at]
        if quote == '"' and sign == "\\":
            at += 1
        elif quote:
            quote = None if sign == quote else quote
        elif sign in "\"'" and (at == 0 or line[at - 1] in " \t[{,:-"):
            quote = sign
        elif sign == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at]
        at += 1
    return line


def block(lines, at, indent):
    return (items if lines[at].is_item() else mapping)(lines, at, indent)


def items(lines, at, indent):
    found = []
    while at < len(lines) and lines[at].indent == indent and lines[at].is_item():
        line = lines[at]
        rest = line.text[1:].lstrip(" ")
        if KEY.match(rest):
            # The mapping begins behind the dash.
            lines[at] = Line(line.number, indent + len(line.text) - len(rest), rest)
            value, at = mapping(lines, at, lines[at].indent)
        elif rest:
            value, at = scalar(line, rest), at + 1
        else:
            value, at = below(lines, at + 1, indent, False)
        found.append(value)
    return found, at


def mapping(lines, at, indent):
    found = {}
    while at < len(lines) and lines[at].indent == indent and not lines[at].is_item():
        line = lines[at]
        key = KEY.match(line.text)
        if not key:
            line.refuse("a key with a colon is needed here")
        name, rest = str(scalar(line, key.group(1), True)), line.text[key.end():]
        if name in found:
            line.refuse(f"the key {name} stands here for a second time")
        if rest:
            found[name], at = scalar(line, rest), at + 1
        else:
            found[name], at = below(lines, at + 1, indent, True)
    return found, at


def below(lines, at, indent, beside):
    """What belongs to a key or dash: all that stands further to the right; a list may stand right below its key."""
    if at < len(lines) and (lines[at].indent > indent or (beside and lines[at].indent == indent and lines[at].is_item())):
        return block(lines, at, lines[at].indent)
    return None, at


def scalar(line, text, is_key=False):
    value, at = flow(line, text, 0, "")
    if text[at:].strip():
        line.refuse(f"{text[at:].strip()} is too much behind the value")
    return text.strip() if is_key and not isinstance(value, str) else value


def flow(line, text, at, stops):
    while at < len(text) and text[at] == " ":
        at += 1
    sign = text[at:at + 1]
    if sign == '"' or sign == "'":
        return quoted(line, text, at)
    if sign == "[":
        return sequence(line, text, at + 1)
    if sign == "{":
        return pairs(line, text, at + 1)
    if sign and sign in SPECIAL:
        line.refuse(f"{sign} is not understood here; put the text in quotes")
    end = at
    while end < len(text) and text[end] not in stops:
        end += 1
    word = text[at:end].strip()
    if re.search(r":(\s|$)", word):
        line.refuse("a colon in a text needs quotes")
    return plain(word), end


def plain(word):
    if word.lower() in WORDS:
        return WORDS[word.lower()]
    if WHOLE.fullmatch(word):
        return int(word)
    if DECIMAL.fullmatch(word):
        return float(word)
    return word


def quoted(line, text, at):
    pattern = r'"(?:[^"\\]|\\.)*"' if text[at] == '"' else r"'(?:[^']|'')*'"
    found = re.compile(pattern).match(text, at)
    if not found:
        line.refuse("the quote is not closed in its line")
    if text[at] == "'":
        return found.group()[1:-1].replace("''", "'"), found.end()
    try:
        return json.loads(found.group()), found.end()
    except ValueError:
        line.refuse("the text in quotes has an unknown escape")


def sequence(line, text, at):
    found = []
    while True:
        at = skip(text, at)
        if text[at:at + 1] == "]":
            return found, at + 1
        value, at = flow(line, text, at, ",]")
        found.append(value)
        at = separator(line, text, at, "]")


def pairs(line, text, at):
    found = {}
    while True:
        at = skip(text, at)
        if text[at:at + 1] == "}":
            return found, at + 1
        key = KEY.match(text, at)
        if not key:
            line.refuse("a key with a colon and a space is needed in the braces")
        value, at = flow(line, text, key.end(), ",}")
        found[str(scalar(line, key.group(1), True))] = value
        at = separator(line, text, at, "}")


def separator(line, text, at, end):
    at = skip(text, at)
    if text[at:at + 1] == ",":
        return at + 1
    if text[at:at + 1] != end:
        line.refuse(f"{end} is missing; a list or mapping ends in the line where it begins")
    return at


def skip(text, at):
    while at < len(text) and text[at] == " ":
        at += 1
    return at
