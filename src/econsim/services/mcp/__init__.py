"""Work of the tool gateway: calls of outside tools, paid for in advance, limited, kept and told."""
