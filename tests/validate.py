"""Validates lines of JSON against a schema: validate.py SCHEMA FILE... Prints what is wrong, line by line."""
import json
import sys

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
checked = 0
for name in sys.argv[2:]:
    for line in open(name, encoding="utf-8"):
        if not line.strip():
            continue
        checked += 1
        for error in validator.iter_errors(json.loads(line)):
            inner = error
            if error.context:
                # Of the kinds of a line, the one that it says it is.
                kinds = [e for e in error.context if not (e.validator == "const" or "const" in e.schema)]
                inner = best_match(kinds) or error
            print(f"{name}: {list(inner.absolute_path)}: {inner.message[-300:]}\n  {line[:200]}")
print(f"{checked} checked", file=sys.stderr)
