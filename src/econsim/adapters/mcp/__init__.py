"""Tool servers that speak the Model Context Protocol: their processes, sessions and limits. `client` alone imports `mcp`."""
