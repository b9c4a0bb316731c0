"""What travels on the wire: frozen models, every field with its meaning and unit."""
