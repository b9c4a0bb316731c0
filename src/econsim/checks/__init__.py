"""Checks of a running system: attacks of an adversary, and every permission tried on a server."""
