"""Builds the demo's wheels from the folders beside this file.

usage: build_wheels.py OUTDIR [NAME-VERSION ...]

The bytes depend on nothing but the sources: entries are sorted, stored without
compression and dated alike, so every machine builds the same files. Prints the
path of each wheel.
"""

import base64
import hashlib
import json
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
TIMESTAMP = (2025, 10, 1, 0, 0, 0)


def build(folder, outdir):
    about = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    name = about["name"].replace("-", "_")
    info = f"{name}-{about['version']}.dist-info"

    entries = {}
    for path in (folder / about["package"]).rglob("*.py"):
        entries[path.relative_to(folder).as_posix()] = path.read_bytes()
    entries[f"{info}/METADATA"] = metadata(about).encode("utf-8")
    entries[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: build_wheels\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    if about["scripts"]:
        lines = [f"{script} = {target}" for script, target in sorted(about["scripts"].items())]
        entries[f"{info}/entry_points.txt"] = ("[console_scripts]\n" + "\n".join(lines) + "\n").encode("utf-8")
    rows = [f"{entry},{fingerprint(content)},{len(content)}" for entry, content in sorted(entries.items())]
    record = "\n".join(rows + [f"{info}/RECORD,,"]) + "\n"

    wheel = outdir / f"{name}-{about['version']}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_STORED) as archive:
        # By convention the record of all entries comes last.
        for entry, content in sorted(entries.items()) + [(f"{info}/RECORD", record.encode("utf-8"))]:
            header = zipfile.ZipInfo(entry, TIMESTAMP)
            header.create_system = 3
            header.external_attr = 0o100644 << 16
            archive.writestr(header, content)
    return wheel


def metadata(about):
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {about['name']}",
        f"Version: {about['version']}",
        f"Summary: {about['summary']}",
        "Requires-Python: >=3.9",
    ]
    lines += [f"Requires-Dist: {requirement}" for requirement in about["requires"]]
    return "\n".join(lines) + "\n"


def fingerprint(content):
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return "sha256=" + digest.rstrip(b"=").decode("ascii")


def main():
    if len(sys.argv) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    outdir = Path(sys.argv[1])
    wanted = sys.argv[2:] or sorted(path.parent.name for path in HERE.glob("*/package.json"))
    outdir.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        if not (HERE / name / "package.json").is_file():
            print(f"there is no package '{name}' beside {Path(__file__).name}", file=sys.stderr)
            return 1
        print(build(HERE / name, outdir))
    return 0


if __name__ == "__main__":
    sys.exit(main())
