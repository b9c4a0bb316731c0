"""Work of the admission service: the gateway for messages of external agents, and the store behind it."""
