"""Events as the audit log holds them: envelope, causes, canonical form. Pure."""
