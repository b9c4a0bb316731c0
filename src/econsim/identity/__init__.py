"""Who is who on the bus: keys, credentials, and what each role and agent account may do. No network."""
