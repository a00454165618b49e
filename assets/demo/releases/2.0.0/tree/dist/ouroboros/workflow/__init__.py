"""Workflows and the sessions that were started with them."""
