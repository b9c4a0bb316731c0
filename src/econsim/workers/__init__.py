"""What a service does for one run, for as long as it holds the lease: a book, a host, the clock."""
