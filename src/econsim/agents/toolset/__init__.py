"""An agent's powers as tools for programs that choose by name: what they take, what they do, and their results as JSON.

`mcp_server` offers them to assistants over stdio, `synadia` to hosts of the Synadia Agent Protocol.
"""
