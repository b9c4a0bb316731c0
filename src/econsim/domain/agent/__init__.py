"""Agents: who they are, what they know and what their policies decide. Pure."""
