"""JetStream: streams and buckets set up, written and read."""
