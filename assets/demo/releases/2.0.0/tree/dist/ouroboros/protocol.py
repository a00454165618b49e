"""The protocol itself: turns one JSON-RPC message into its answer."""

import json
import logging
import threading

log = logging.getLogger("ouroboros.protocol")

PROTOCOL_VERSIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

JSON_TYPES = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
}


class RpcError(Exception):
    """Becomes the error object of an answer."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class ToolError(Exception):
    """A tool could not do what it was asked for; the text and the details are for the caller."""

    def __init__(self, message, **details):
        super().__init__(message)
        self.details = details


class WrongCall(Exception):
    """A tool was called that is not there, or with arguments that it does not take."""


class Tool:
    def __init__(self, name, description, properties, required, run):
        self.name = name
        self.description = description
        self.schema = {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }
        self.run = run

    def describe(self):
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": self.schema,
        }

    def check(self, arguments):
        """Refuses arguments that do not fit the schema."""
        properties = self.schema["properties"]
        for name in self.schema["required"]:
            if name not in arguments:
                raise WrongCall(f"{self.name}: argument '{name}' is missing")
        for name, value in arguments.items():
            if name not in properties:
                raise WrongCall(f"{self.name}: there is no argument '{name}'")
            kind = properties[name]["type"]
            fits = isinstance(value, JSON_TYPES[kind])
            if not fits or (kind == "integer" and isinstance(value, bool)):
                raise WrongCall(f"{self.name}: argument '{name}' must be of type {kind}")


class McpServer:
    def __init__(self, name, version):
        self.name = name
        self.version = version
        self._tools = {}
        # Called once, before the first request is answered.
        self.before_first_request = None
        self._lock = threading.Lock()

    def add(self, tool):
        self._tools[tool.name] = tool

    def tool_names(self):
        return list(self._tools)

    def handle_text(self, text):
        """Answers one message or a batch of them; None if no answer is due."""
        try:
            message = json.loads(text)
        except ValueError:
            return error_answer(None, PARSE_ERROR, "the message is not JSON")
        if isinstance(message, list):
            if not message:
                return error_answer(None, INVALID_REQUEST, "the batch is empty")
            answers = [self.handle(part) for part in message]
            return [answer for answer in answers if answer is not None] or None
        return self.handle(message)

    def handle(self, message):
        """Answers one message; None for notifications and for answers."""
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            return error_answer(None, INVALID_REQUEST, "this is not a JSON-RPC 2.0 message")
        number = message.get("id")
        method = message.get("method")
        if method is None and ("result" in message or "error" in message):
            return None
        if not isinstance(method, str):
            return error_answer(number, INVALID_REQUEST, "the method is missing")
        if "id" not in message:
            return None
        params = message.get("params", {})
        self._first_request()
        try:
            if not isinstance(params, dict):
                raise RpcError(INVALID_PARAMS, "params must be an object")
            return {"jsonrpc": "2.0", "id": number, "result": self._call(method, params)}
        except RpcError as error:
            return error_answer(number, error.code, str(error))
        except Exception:
            log.exception("%s failed", method)
            return error_answer(number, INTERNAL_ERROR, f"{method} failed; see the server's log")

    def _first_request(self):
        with self._lock:
            prepare, self.before_first_request = self.before_first_request, None
            if prepare is not None:
                prepare()

    def _call(self, method, params):
        if method == "initialize":
            return self._initialize(params)
        if method == "ping":
            return {}
        if method == "tools/list":
            return {"tools": [tool.describe() for tool in self._tools.values()]}
        if method == "tools/call":
            return self._call_tool(params)
        raise RpcError(METHOD_NOT_FOUND, f"there is no method '{method}'")

    def _initialize(self, params):
        asked = params.get("protocolVersion")
        if not isinstance(asked, str):
            raise RpcError(INVALID_PARAMS, "protocolVersion is missing")
        return {
            "protocolVersion": asked if asked in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[-1],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": self.name, "version": self.version},
        }

    def _call_tool(self, params):
        arguments = params.get("arguments") or {}
        if not isinstance(arguments, dict):
            raise RpcError(INVALID_PARAMS, "arguments must be an object")
        try:
            tool = self._tools.get(str(params.get("name")))
            if tool is None:
                raise WrongCall(f"there is no tool '{params.get('name')}'")
            tool.check(arguments)
            result = tool.run(**arguments)
        except WrongCall as error:
            return {"content": [{"type": "text", "text": str(error)}], "isError": True}
        except ToolError as error:
            # That the call was understood and failed stands in the answer, not around it.
            result = {"status": "error", "error": str(error), **error.details}
            if "action" in arguments:
                result["action"] = arguments["action"]
        text = json.dumps(result, indent=2, ensure_ascii=False)
        return {
            "content": [{"type": "text", "text": text}],
            "structuredContent": result,
            "isError": False,
        }


def error_answer(number, code, message):
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": message}}
