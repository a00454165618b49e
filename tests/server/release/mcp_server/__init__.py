"""A small server on FastMCP with the manners of the real one. Misbehaves as switches.json says."""
