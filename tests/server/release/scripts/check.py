"""Checks nothing yet."""
