"""The work of the market service: order books, their batches, and stuck orders."""
