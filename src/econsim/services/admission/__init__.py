"""The work of the admission service: the gateway through which messages of external agents come in."""
