"""Validates lines of JSON against a schema: validate.py SCHEMA FILE... Prints what is wrong, line by line."""
import json
import sys

from jsonschema import Draft202012Validator

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
            print(f"{name}: {list(error.absolute_path)}: {error.message[:300]}\n  {line[:200]}")
print(f"{checked} checked", file=sys.stderr)
