"""An MCP server that searches a project's standards and code, and leads through its workflows."""

__version__ = "2.0.0"
