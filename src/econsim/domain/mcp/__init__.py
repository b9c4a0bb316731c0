"""Calls of outside tools as decisions: what is asked, what it costs, what is stored and told. Pure."""
