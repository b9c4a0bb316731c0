"""Runs of scenarios: read from a file, executed in memory or over NATS, recorded to the end."""
