"""What the next release adds; stands in the package there."""


def register_more(mcp):
    @mcp.tool()
    async def list_standards(folder: str = "") -> dict:
        """The installed standards."""
        return {"files": []}
