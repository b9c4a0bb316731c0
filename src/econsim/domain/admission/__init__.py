"""Rules for messages of external agents: orders, reports, and the quotas of both. Pure."""
