"""Identities on the bus: keys, credentials, and the permissions of each role and agent account. No network."""
