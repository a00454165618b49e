"""Streamable HTTP: one path, POST for messages, DELETE to end a session."""

import json
import logging
import socketserver
import sys
import threading
import uuid
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import urlsplit

from ..protocol import PARSE_ERROR, INVALID_REQUEST, error_answer

log = logging.getLogger("ouroboros.transport.http")

HOST = "127.0.0.1"
PATH = "/mcp"
PORTS = range(4242, 5243)
LARGEST_BODY = 4 * 1024 * 1024
LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}


class Listener(socketserver.ThreadingMixIn, HTTPServer):
    daemon_threads = True

    def __init__(self, port, mcp):
        self.mcp = mcp
        self.sessions = set()
        super().__init__((HOST, port), Handler)

    def server_bind(self):
        # The base class would look up this machine's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name = HOST
        self.server_port = self.server_address[1]

    def handle_error(self, request, client_address):
        # A client that hangs up in the middle of an answer is no error of the server's.
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def port(self):
        return self.server_port


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Idle connections are closed after this many seconds.
    timeout = 300
    # Head and body of an answer are two writes; the second must not wait.
    disable_nagle_algorithm = True

    def do_POST(self):
        body = self._read_body()
        if body is None or not self._allowed():
            return
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            self._send_json(400, error_answer(None, PARSE_ERROR, "the message is not UTF-8"))
            return
        new_session = None
        if is_initialize(text):
            new_session = uuid.uuid4().hex
            self.server.sessions.add(new_session)
        elif not self._session_known():
            return
        answer = self.server.mcp.handle_text(text)
        headers = {"Mcp-Session-Id": new_session} if new_session else {}
        if answer is None:
            self._send(202, b"", headers)
        elif isinstance(answer, dict) and answer.get("error", {}).get("code") == PARSE_ERROR:
            self._send_json(400, answer)
        elif accepts(self.headers.get("Accept"), "text/event-stream"):
            data = json.dumps(answer)
            headers["Content-Type"] = "text/event-stream"
            headers["Cache-Control"] = "no-cache"
            self._send(200, f"event: message\ndata: {data}\n\n".encode("utf-8"), headers)
        else:
            self._send_json(200, answer, headers)

    def do_DELETE(self):
        if self._read_body() is None or not self._allowed() or not self._session_known():
            return
        self.server.sessions.discard(self.headers.get("Mcp-Session-Id"))
        self._send(200, b"")

    def do_GET(self):
        if self._read_body() is None or not self._allowed():
            return
        self._send(405, b"", {"Allow": "POST, DELETE"})

    def _read_body(self):
        """Reads the body, so that the connection can serve the next request too."""
        if self.headers.get("Transfer-Encoding"):
            return self._refuse(411, "a Content-Length is needed")
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if length < 0:
            return self._refuse(400, "the Content-Length is not a number")
        if length > LARGEST_BODY:
            return self._refuse(413, "the message is too long")
        return self.rfile.read(length)

    def _refuse(self, status, reason):
        self.close_connection = True
        self._send_json(status, error_answer(None, INVALID_REQUEST, reason), {"Connection": "close"})
        return None

    def _allowed(self):
        """A web page of another origin must not reach a server on this machine."""
        origin = self.headers.get("Origin")
        if origin is not None and not is_loopback(origin):
            self._send_json(403, error_answer(None, INVALID_REQUEST, "this origin is not allowed"))
            return False
        if urlsplit(self.path).path.rstrip("/") != PATH:
            self._send_json(404, error_answer(None, INVALID_REQUEST, f"only {PATH} is served"))
            return False
        return True

    def _session_known(self):
        session = self.headers.get("Mcp-Session-Id")
        if session is None:
            self._send_json(400, error_answer(None, INVALID_REQUEST, "Mcp-Session-Id is missing"))
            return False
        if session not in self.server.sessions:
            self._send_json(404, error_answer(None, INVALID_REQUEST, "this session is not known"))
            return False
        return True

    def _send_json(self, status, answer, headers=None):
        headers = dict(headers or {})
        headers["Content-Type"] = "application/json"
        self._send(status, json.dumps(answer).encode("utf-8"), headers)

    def _send(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, template, *values):
        log.debug(template, *values)


def is_initialize(text):
    try:
        message = json.loads(text)
    except ValueError:
        return False
    messages = message if isinstance(message, list) else [message]
    return any(isinstance(part, dict) and part.get("method") == "initialize" for part in messages)


def is_loopback(origin):
    try:
        return urlsplit(origin).hostname in LOOPBACK_NAMES
    except ValueError:
        return False


def accepts(header, kind):
    """Whether an Accept header names the kind. A star is not a wish for a stream."""
    names = [part.split(";")[0].strip().lower() for part in (header or "").split(",")]
    return kind in names or kind.split("/")[0] + "/*" in names


def start_http(mcp):
    """Takes the first free port and serves it from threads in the background."""
    for port in PORTS:
        try:
            listener = Listener(port, mcp)
        except OSError:
            continue
        threading.Thread(target=listener.serve_forever, name="http", daemon=True).start()
        return listener
    raise SystemExit(f"no free port from {PORTS.start} to {PORTS.stop - 1}")
