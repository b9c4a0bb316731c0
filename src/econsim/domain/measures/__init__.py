"""Measures of a market: prices, surplus, equilibrium. Pure."""
