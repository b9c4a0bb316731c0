"""What external agents may send: orders, reports, and the quotas of both. Pure."""
