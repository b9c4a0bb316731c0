"""What services are made of. This room holds what all of them share; each service has a room of its own below it."""
