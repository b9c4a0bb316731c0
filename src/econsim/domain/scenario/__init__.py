"""The meaning of a scenario beyond its schema. Pure."""
