"""The Synadia Agent Protocol for NATS, inside an agent's own account: its hosts decide, the bridge trades."""
