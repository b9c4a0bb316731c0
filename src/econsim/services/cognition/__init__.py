"""Work of the cognition service: calls of models, paid for in advance and recorded."""
