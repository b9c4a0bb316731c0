"""Accounts, transfers and the journal of them. Pure."""
