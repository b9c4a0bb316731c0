"""What a scenario means beyond its schema. Pure."""
