"""Calls of language models: positions, prices, payments, and the deterministic providers. Pure."""
