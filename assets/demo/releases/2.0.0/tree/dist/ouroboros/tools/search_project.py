"""pos_search_project: standards by their words, code by its functions."""

from ..protocol import Tool, ToolError


def search_tool(standards, code):
    def run(action, query, n_results=3, filters=None, max_depth=5, to_symbol=""):
        if not query.strip():
            raise ToolError("the query is empty")
        limit = max(1, min(n_results, 50))
        actions = {
            "search_standards": lambda: standards.search(query, limit),
            "search_code": lambda: code.search(query, limit),
            "search_ast": lambda: code.search(query, limit),
            "find_callers": lambda: code.callers(query),
            "find_dependencies": lambda: code.dependencies(query),
            "find_call_paths": lambda: code.call_paths(query, to_symbol, max_depth),
        }
        if action not in actions:
            raise ToolError(f"there is no action '{action}'; known: {', '.join(actions)}")
        results = actions[action]()
        return {"status": "success", "action": action, "results": results, "count": len(results)}

    return Tool(
        "pos_search_project",
        "Finds standards and code that fit a question best, and who calls whom.",
        {
            "action": {"type": "string"},
            "query": {"type": "string", "description": "a question, or the name of a function"},
            "n_results": {"type": "integer", "description": "how many, 3 unless told"},
            "filters": {"type": "object"},
            "max_depth": {"type": "integer"},
            "to_symbol": {"type": "string"},
        },
        ["action", "query"],
        run,
    )
