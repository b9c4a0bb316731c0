"""What runs prove: published experiments repeated, with their numbers."""
