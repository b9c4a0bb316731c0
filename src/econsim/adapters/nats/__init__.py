"""Core NATS: connections, requests, and the accounts that servers know."""
