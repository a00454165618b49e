"""An MCP server that searches a project's standards and lists its workflows."""

__version__ = "1.1.0"
