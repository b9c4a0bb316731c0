"""What runs on an agent's side of the bus: its services, its cycle and the scripted policies."""
