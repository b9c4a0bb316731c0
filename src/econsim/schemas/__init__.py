"""Messages of the wire, and the values in them: frozen models, each field with its meaning and unit."""
