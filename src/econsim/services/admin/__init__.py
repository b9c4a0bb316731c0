"""The work of the admin service: dead letters, and streams that live in memory."""
