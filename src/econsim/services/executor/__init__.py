"""The work of the executor service: it executes whole runs, each in one thread, and stores them bundle by bundle."""
