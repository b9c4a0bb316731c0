"""Providers of language models behind the port `ModelProvider`, each in a module of its own, imported when it is asked for.

The only adapters that speak HTTP. Addresses and keys come from the operator's file (`provider_file.py`), never from a
scenario.
"""
