"""Work of the metrics service: it follows workers and runs, asks the server, and serves all figures to Prometheus."""
