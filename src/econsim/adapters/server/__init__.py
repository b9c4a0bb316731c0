"""The embedded nats-server: its program, its process and its state directory."""
