"""The designs of the shipped experiments."""
