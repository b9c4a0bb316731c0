"""econsim: an event-driven economic simulation over NATS/JetStream."""

__version__ = "0.1.0"
