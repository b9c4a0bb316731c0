"""The work of the market service: order books, the batches they clear, and orders that nobody answered."""
