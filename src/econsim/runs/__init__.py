"""Runs of scenarios: read from a file, run in memory or over NATS, and recorded to the end."""
