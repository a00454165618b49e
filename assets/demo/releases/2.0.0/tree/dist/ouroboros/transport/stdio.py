"""Messages on standard input, one on each line; answers on standard output."""

import json
import logging
import sys

log = logging.getLogger("ouroboros.transport.stdio")


def serve(server):
    """Answers until the input ends."""
    if sys.stdin is None:
        return
    for line in sys.stdin.buffer:
        if not line.strip():
            continue
        answer = server.handle_text(line)
        if answer is not None:
            sys.stdout.buffer.write(json.dumps(answer).encode("utf-8") + b"\n")
            sys.stdout.buffer.flush()
    log.debug("standard input ended")
