"""Speed against targets, and deterministic counts against a baseline: `python -m benchmarks`."""
