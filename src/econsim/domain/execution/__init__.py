"""The execution of a whole run in one thread: the parts that the services use, composed. Pure."""
