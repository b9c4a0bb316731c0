"""Evaluation of runs: published experiments repeated, with their numbers."""
