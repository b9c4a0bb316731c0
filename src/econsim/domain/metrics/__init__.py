"""Figures for Prometheus, made of what the server, the services and the log tell. Pure."""
