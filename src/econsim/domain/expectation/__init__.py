"""Expectations about a run, judged on its events one by one. Pure."""
