"""A tool server of one tool, over standard input and output: the gateway starts it, agents pay for its answers."""

from mcp.server.mcpserver import MCPServer

EXPECTED = {"cpu": "2.20", "gpu": "7.50"}

server = MCPServer("forecast")


@server.tool()
def price_of(resource: str) -> str:
    """Return the price that dealers expect for a resource, in credits."""
    return EXPECTED.get(resource, "nobody knows")


if __name__ == "__main__":
    server.run(transport="stdio")
