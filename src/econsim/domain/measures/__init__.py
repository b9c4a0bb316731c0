"""What a market is measured by: prices, surplus, equilibrium. Pure."""
