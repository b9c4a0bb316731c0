"""Work of the admin service: commands of operators, dead letters, and streams in memory."""
