"""Verification of a run: its log, its journal and its trades must agree. Pure."""
