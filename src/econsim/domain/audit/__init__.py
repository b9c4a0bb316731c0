"""Events and records of the audit log: envelope, causes, canonical form. Pure."""
